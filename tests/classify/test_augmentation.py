"""Changes to training windows: what they change, what they leave, how often."""

import numpy as np
import pytest
from pydantic import ValidationError

from tremorlab.classify.augmentation import Augmentation, augment, crop
from tremorlab.errors import ModelError


def windows(number=400, components=2, samples=300, seed=0):
    return np.random.default_rng(seed).normal(size=(number, components, samples)).astype(np.float32)


def rng(seed=7):
    return np.random.default_rng(seed)


def test_nothing_is_changed_by_default_and_never_in_place():
    x = windows(5)
    assert np.array_equal(augment(x, Augmentation(), rng()), x)
    kept = x.copy()
    augment(x, Augmentation(noise=1, gap=1, drop=1), rng(), noise=windows(3, seed=1))
    assert np.array_equal(x, kept)


def test_a_crop_without_randomness_is_the_middle():
    x = np.arange(10.0).reshape(1, 1, 10)
    assert crop(x, 4)[0, 0].tolist() == [3, 4, 5, 6]
    assert crop(x, 10, rng()).tolist() == x.tolist()


def test_random_crops_begin_anywhere_and_keep_components_together():
    x = np.broadcast_to(np.arange(20.0), (2000, 2, 20))
    cropped = crop(x, 15, rng())
    assert np.array_equal(cropped[:, 0], cropped[:, 1])
    assert (np.diff(cropped, axis=-1) == 1).all()
    assert np.bincount(cropped[:, 0, 0].astype(int), minlength=6).min() > 250
    assert cropped[:, 0, 0].max() == 5


def test_windows_that_are_too_short_are_refused():
    with pytest.raises(ModelError, match=r"windows: have 300 samples, and the network reads 301\. Cut longer"):
        crop(windows(2), 301)


def test_noise_is_added_to_its_share_at_its_level():
    x, noise = windows(), 40 * windows(30, seed=5)
    added = augment(x, Augmentation(noise=0.25, noise_db=(-6.0, -6.0)), rng(), noise=noise) - x
    touched = np.abs(added).max(axis=(1, 2)) > 0
    assert abs(touched.mean() - 0.25) < 0.07
    ratio = np.sqrt((added[touched] ** 2).mean(axis=(1, 2)) / (x[touched] ** 2).mean(axis=(1, 2)))
    np.testing.assert_allclose(20 * np.log10(ratio), -6.0, atol=1e-3)
    shapes = noise / np.linalg.norm(noise, axis=(1, 2), keepdims=True)
    likeness = (
        np.tensordot(added[touched], shapes, ([1, 2], [1, 2]))
        / np.linalg.norm(added[touched], axis=(1, 2))[:, np.newaxis]
    )
    np.testing.assert_allclose(likeness.max(axis=1), 1, atol=1e-4)


def test_a_gap_is_a_straight_line_no_longer_than_asked():
    x = windows()
    changed = augment(x, Augmentation(gap=0.5, longest_gap=20), rng())
    bridged = (changed != x).any(axis=1)
    lengths = bridged.sum(axis=1)
    assert abs((lengths > 0).mean() - 0.5) < 0.08
    assert 15 < lengths.max() <= 20
    for n in np.flatnonzero(lengths)[:50]:
        first, last = np.flatnonzero(bridged[n])[[0, -1]]
        assert last - first + 1 == lengths[n]
        np.testing.assert_allclose(np.diff(changed[n, :, first - 1 : last + 2], n=2), 0, atol=1e-5)


def test_a_dropped_component_is_zero_and_one_always_stays():
    changed = augment(windows(components=3), Augmentation(drop=0.3), rng())
    silent = (changed == 0).all(axis=-1)
    assert set(silent.sum(axis=1)) == {0, 1}
    assert abs(silent.any(axis=1).mean() - 0.3) < 0.07
    assert silent.sum(axis=0).min() > 20
    assert np.array_equal(augment(windows(components=1), Augmentation(drop=1), rng()), windows(components=1))


@pytest.mark.parametrize("noise", [None, np.empty((0, 2, 300), np.float32)])
def test_noise_without_noise_is_refused(noise):
    with pytest.raises(ModelError, match=r"augmentation: noise = 0\.5, and there is no window of noise"):
        augment(windows(3), Augmentation(noise=0.5), rng(), noise=noise)


@pytest.mark.parametrize(
    "fields", [{"noise": 1.5}, {"gap": -0.1}, {"longest_gap": 0}, {"noise_db": (3.0, -3.0)}, {"polarity": 0.5}]
)
def test_settings_out_of_range_are_refused(fields):
    with pytest.raises(ValidationError, match=next(iter(fields))):
        Augmentation(**fields)
