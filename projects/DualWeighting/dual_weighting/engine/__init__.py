"""What the commands in tools/ are made of."""

import warnings

# Set off by Detectron2's own code: nothing that a user of ours could mend.
for message in (
    ".*torch.jit.script.* is deprecated",
    "torch.meshgrid: in an upcoming release",
):
    warnings.filterwarnings("ignore", message=message)
