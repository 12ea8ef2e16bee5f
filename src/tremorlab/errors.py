"""What can go wrong, one class per kind of failure, each saying where, what, the limit and the remedy."""


class TremorlabError(Exception):
    """Base of every error this package raises on purpose.

    Parameters
    ----------
    where
        What was being read: a file with its row, a trace with its time, a parameter, a study.
    problem
        The value that was found and the limit that it breaks.
    remedy
        What the reader can do about it.
    """

    def __init__(self, where: object, problem: str, remedy: str):
        self.where, self.problem, self.remedy = str(where), problem, remedy
        super().__init__(f"{self.where}: {problem}. {remedy}")

    def __reduce__(self):  # errors travel between worker processes
        return type(self), (self.where, self.problem, self.remedy)


class CatalogError(TremorlabError):
    """An event table breaks the schema: names the file, the row and the column."""


class WaveformError(TremorlabError):
    """A record cannot be read or prepared: names the file or the trace and the time."""


class DatasetError(TremorlabError):
    """Windows or a stored dataset are not what they should be: names the file and the trace."""


class ModelError(TremorlabError):
    """A network, its training, its scores or its saved folder cannot be used: names the parameter or the file."""


class DynamicsError(TremorlabError):
    """A record, a library or a model of motion cannot be used: names the record or the term, and the limit."""


class StudyError(TremorlabError):
    """A study file is malformed: names the file and the key."""


class ParameterError(TremorlabError):
    """A page was given an unknown parameter, or a value of the wrong type or out of range."""


class DataMissingError(TremorlabError):
    """Recorded data that a study needs are not on this machine: names the places looked in and how to get them."""


class PageError(TremorlabError):
    """A page of the book failed to execute: names the page, the cell and the error."""
