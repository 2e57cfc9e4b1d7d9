from torch import nn


class FixedStatisticsBatchNorm(nn.BatchNorm2d):
    """Batch normalization with the statistics of the checkpoint, whose scale and shift still learn.

    The backbones of the released models are trained so. (In Detectron2's "FrozenBN" scale and shift
    are constants too.)
    """

    def train(self, mode: bool = True):
        return super().train(False)
