from detectron2.config import LazyCall as L

from dual_weighting.modeling import SwinTransformer

from .R_50_FPN import backbone

backbone.bottom_up = L(SwinTransformer)(
    embed_dim=96,
    depths=[2, 2, 6, 2],
    num_heads=[3, 6, 12, 24],
    window_size=7,
    drop_path_rate=0.2,
    out_indices=[1, 2, 3],
    frozen_stages=2,  # in Detectron2's count: the patch embedding and the first stage
)
backbone.in_features = ["p1", "p2", "p3"]  # of strides 8, 16, 32
