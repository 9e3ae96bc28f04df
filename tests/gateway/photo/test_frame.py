import pytest

from gateway.photo.frame import Frame

UPRIGHT = "80,383,920,383,920,617,80,617"


def test_a_frame_means_the_same_in_every_size_of_a_picture() -> None:
    frame = Frame.of(UPRIGHT, is_loose=True)
    assert (str(frame), frame.is_loose) == (UPRIGHT, True)
    assert frame.corners(1000, 1000).points[2] == (920.0, 617.0)
    assert frame.corners(500, 2000).points == (
        (40.0, 766.0), (460.0, 766.0), (460.0, 1234.0), (40.0, 1234.0),
    )  # fmt: skip


@pytest.mark.parametrize(
    "turned",
    [
        "920,617,80,617,80,383,920,383",
        "500,100,900,500,500,900,100,500",
        "0,0,1000,0,1000,1000,0,1000",
    ],
)
def test_it_may_be_turned_any_way(turned: str) -> None:
    assert str(Frame.of(turned)) == turned


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "1,2,3",
        UPRIGHT + ",1",
        UPRIGHT.replace("920", "1001"),
        UPRIGHT.replace("80", "-80"),
        UPRIGHT.replace("80", "８０"),
        UPRIGHT + "\n",
        "80,617,920,617,920,383,80,383",  # seen in a mirror
        "80,383,920,617,920,383,80,617",  # a bow
        "80,383,920,383,500,400,80,617",  # one corner inside
        "80,383,500,383,920,383,80,617",  # three on a line
        "80,383,82,383,82,385,80,385",
        "80,383,80,383,80,383,80,383",
    ],
)
def test_what_is_no_frame_is_refused(odd: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        Frame.of(odd)
