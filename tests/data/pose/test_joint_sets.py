import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.data.pose.joint_sets import (
    COCO,
    JOINT_SETS,
    LSP,
    MPII,
    JointSet,
    convert_joints,
)
from jaxrepro.data.pose.joint_sides import find_partners


def test_orders_and_flip_pairs_are_those_of_the_data_sets():
    assert MPII.joints[6:10] == ("pelvis", "thorax", "upper_neck", "head_top")
    assert MPII.joints[0] == "right_ankle" and MPII.joints[15] == "left_wrist"
    assert MPII.flip_pairs == ((0, 5), (1, 4), (2, 3), (10, 15), (11, 14), (12, 13))
    assert LSP.flip_pairs == ((0, 5), (1, 4), (2, 3), (6, 11), (7, 10), (8, 9))
    assert COCO.joints[5:7] == ("left_shoulder", "right_shoulder")
    assert COCO.flip_pairs == tuple((i, i + 1) for i in range(1, 17, 2))


@pytest.mark.parametrize("joints", JOINT_SETS.values(), ids=JOINT_SETS)
def test_a_mirror_twice_is_none_and_bones_join_all(joints):
    order = np.array(joints.mirror_order)
    np.testing.assert_array_equal(order[order], np.arange(len(joints)))
    # As a graph the skeleton is in one piece, or in two where the face hangs on nothing.
    reached = {joints.bone_indices[0][0]}
    for _ in joints.bones:
        reached |= {i for bone in joints.bone_indices if reached & set(bone) for i in bone}
    assert len(reached) == len(joints) - (5 if joints is COCO else 0)


def test_lsp_becomes_mpii_with_middles():
    points = np.arange(28.0).reshape(14, 2)
    labelled = np.ones(14, bool)
    labelled[[2, 13]] = False
    visible = labelled.copy()
    visible[8] = False
    given, has, seen = convert_joints(points, labelled, visible, LSP, MPII)
    rows = [0, 1, 2, 3, 4, 5, None, None, 12, 13, 6, 7, 8, 9, 10, 11]
    for place, row in enumerate(rows):
        if row is not None:
            np.testing.assert_array_equal(given[place], points[row])
            assert has[place] == labelled[row] and seen[place] == visible[row]
    np.testing.assert_array_equal(given[6], (points[2] + points[3]) / 2)
    np.testing.assert_array_equal(given[7], (points[8] + points[9]) / 2)
    assert not has[6] and has[7] and not seen[7]
    back, *_ = convert_joints(given, has, seen, MPII, LSP)
    np.testing.assert_array_equal(back, points)


def test_errors_name_what_is_missing():
    arrays = np.zeros((17, 2)), np.ones(17, bool), np.ones(17, bool)
    with pytest.raises(InputError, match=r"coco has no upper_neck.*possible are mpii to lsp"):
        convert_joints(*arrays, COCO, MPII)
    with pytest.raises(InputError, match=r"lsp has no joint 'pelvis'; its joints are right_ankle"):
        LSP.index("pelvis")


@pytest.mark.parametrize(
    "pair",
    [
        ("left_toe", "right_toe"),
        ("L_toe", "R_toe"),
        ("l_toe", "r_toe"),
        ("LeftToe", "RightToe"),
        ("leftToe", "rightToe"),
        ("toe_left", "toe_right"),
        ("toe.L", "toe.R"),
        ("L big toe", "R big toe"),
        ("left big toe", "right big toe"),
        ("big-toe (left)", "big-toe (right)"),
        ("LToe", "RToe"),
        ("toeL", "toeR"),
        ("L1", "R1"),
        ("LEFT TOE", "Right toe"),
        ("L toe", "right toe"),
        ("lefttoe", "righttoe"),
        ("toeleft", "toeright"),
        ("lsho", "rsho"),
        ("LSHO", "RSHO"),
        ("hand_left_4", "hand_right_4"),
        ("left_l5", "right_l5"),
        ("lÉpaule", "rÉpaule"),
    ],
)
def test_sides_are_found_in_any_spelling(pair):
    joints = ("nose", pair[1], "lip", "neck", pair[0], "left_eye", "right_eye")
    assert find_partners(joints) == ((0, 4, 2, 3, 1, 6, 5), ())


def test_a_side_without_partner_is_told_and_refused_where_pictures_are_mirrored():
    joints = ("nose", "L toe", "left_heel", "toe_right", "left ear", "l ear", "right ear", "lip")
    feet = JointSet("feet", joints)
    lonely = ("L toe", "left_heel", "toe_right", "left ear", "l ear", "right ear")
    assert find_partners(joints) == (tuple(range(8)), lonely)
    assert feet.unpaired == joints and feet.flip_pairs == ()
    with pytest.raises(
        InputError, match="--flip mirrors pictures, .* for L toe, left_heel, .* of feet: give all"
    ):
        feet.check_mirrored("--flip", "leave out --flip")
    given = feet.with_pairs(["L toe:toe_right", "left ear:right ear"])
    given.check_mirrored("--flip", "leave out --flip")
    assert given.mirror_order == (0, 3, 2, 1, 6, 5, 4, 7)
    assert given.unpaired == ("nose", "left_heel", "l ear", "lip")
    none = COCO.with_pairs(("none",))
    assert none.flip_pairs == () and none.pairs == ()
    for pairs, message in (
        (["nose"], "'nose' given; a pair is two joints as left_toe:right_toe, and the joints are"),
        (["nose:nose"], "a pair is two joints"),
        (["nose:ear"], "a pair is two joints"),
        (["nose:lip", "lip:L toe"], "lip given in two pairs"),
    ):
        with pytest.raises(InputError, match=message):
            feet.with_pairs(pairs)
    for known in JOINT_SETS.values():
        known.check_mirrored("--flip", "leave out --flip")
