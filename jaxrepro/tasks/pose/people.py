"""The people that a config trains on and measures, and how they are cut out."""

import dataclasses

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.data.pose.people import People
from jaxrepro.data.pose.pose_crop import JOINT_BOX_PADDING, MPII_PADDING, Padding
from jaxrepro.data.pose.pose_sets import open_people

PADDINGS = {
    "mpii": MPII_PADDING,
    # PyraNet's for LSP by itself.
    "lsp": Padding(368 / 256),
    "joint_box": JOINT_BOX_PADDING,
}
_BY_SET = "by_set"

# Of the colours in [0, 1], red first, over the training pictures, as pytorch-pose has them.
MEANS = {
    "none": (0.0, 0.0, 0.0),
    "mpii": (0.4404, 0.4440, 0.4327),
    "lsp": (0.4442, 0.4302, 0.4039),
}


@dataclasses.dataclass(frozen=True)
class PoseData:
    """People to train on and to measure, with one set of joints.

    padding: a key of PADDINGS.
    """

    train: People
    validation: People
    padding: str

    @property
    def box_padding(self) -> Padding:
        """How the square around a person follows from its place and size."""
        return PADDINGS[self.padding]

    @classmethod
    def from_settings(cls, data: Settings) -> "PoseData":
        """Reads what the section `data` says of people.

        Raises InputError for sets that are not there, validation people whose joints cannot be put
        in the order of the training people's, and a joint that nobody in training has.
        """
        listed, source = data.validation_list or None, data.source
        # All are read, so that a config says the same things whatever its source.
        images, measured_images = data.images, data.validation_images or data.images
        measured = data.validation or source
        people = open_people(source, split=data.split, images=images or None, validation=listed)
        validation = open_people(
            measured,
            split=data.validation_split,
            images=measured_images or None,
            validation=listed if measured == source else None,
        )
        pairs = data.optional("flip_pairs", ())
        if pairs:
            people = people.with_pairs(pairs)
        counts = people.labelled.sum(axis=0)
        if not counts.all():
            joint = people.joint_set.joints[int(counts.argmin())]
            raise InputError(f"{people.spec}: nobody has a {joint} to learn; give more people")
        padding = data.one_of("padding", (_BY_SET, *PADDINGS))
        if padding == _BY_SET:
            padding = "mpii" if source.startswith("mpii:") else "joint_box"
        return cls(people, validation.in_order_of(people.joint_set), padding)
