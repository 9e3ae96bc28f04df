import pytest

from gateway.photo.mask import CELLS_MAX, Kind, Mask


@pytest.mark.parametrize(("text", "whole", "decimals"), [("5+3", 5, 3), ("6", 6, 0), ("10", 10, 0)])
def test_a_mask_is_read_and_written(text: str, whole: int, decimals: int) -> None:
    mask = Mask.of(text, Kind.ODOMETER)
    assert mask == Mask(Kind.ODOMETER, whole, decimals)
    assert mask.cells == whole + decimals
    assert str(mask) == text


@pytest.mark.parametrize("text", ["", "0", "5+", "+3", "5 + 3", "11", "8+3", "５+3", "5+3\n", "-5"])
def test_what_is_no_mask_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="mask"):
        Mask.of(text, Kind.LCD)


def test_the_widest_mask_is_bounded() -> None:
    assert Mask.of("7+3", Kind.ODOMETER).cells == CELLS_MAX
