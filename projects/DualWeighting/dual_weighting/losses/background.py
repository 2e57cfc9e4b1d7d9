"""The loss of every point as a negative of every class, the one dense term of the schemes.

It reads and writes each class logit once. Value and gradient are computed together, a block of
points at a time, so that on a CPU the intermediate results stay in the cache, and on a GPU they
take little memory: left to autograd, the same formula keeps a dozen tensors of the size of the
logits alive until the backward pass. The gradient of the pairs' logits is added to the same array,
which no other of its size has to join.
"""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..assignment.batch import Assignment, Batch
from ..assignment.segments import take_rows

# Class logits per block. On a CPU half a megabyte, so that a block stays in the L2 cache; elsewhere
# ten megabytes, which two images of 800 x 1344 pixels and 80 classes fill one and a half times.
CPU_BLOCK = 1 << 17
BLOCK = 5 << 19


def background_and_logits(
    assignment: Assignment,
    batch: Batch,
    gamma: float,
    *,
    joint: bool = True,
) -> tuple[Tensor, Tensor]:
    """The loss of all points but the ignored ones as negatives of all classes, and the class logits
    of the pairs. Together, because the gradient of both is one array.

    Args:
        gamma: see `background_loss`.
        joint: the score is sigmoid(cls) * sigmoid(obj), else sigmoid(cls) alone.

    Returns:
        A scalar and (Q,), attached to the graph.
    """
    predictions = batch.predictions
    objectness = predictions.objectness_logits if joint else None
    if batch.ignored is not None:
        if objectness is None:
            objectness = torch.full_like(predictions.objectness_logits, torch.inf)  # a factor of 1
        ignored = batch.ignored.view_as(objectness)
        objectness = objectness.masked_fill(ignored, -torch.inf)  # a score of 0
    return _Background.apply(
        predictions.cls_logits.flatten(0, 1),
        None if objectness is None else objectness.reshape(-1, 1),
        batch.entries_at(assignment.point, assignment.gt),
        gamma,
    )


def loss_of_negatives(
    assignment: Assignment, batch: Batch, background: Tensor, reduction: Tensor
) -> Tensor:
    """The background loss with what the assignment changes at its pairs; 0 at ignored points.

    Args:
        background: scalar, of `background_and_logits`.
        reduction: (Q,), how much less than the background loss each pair costs as a negative.
    """
    return background - batch.mask_ignored(reduction, assignment.point).sum()


def background_loss(cls_logits: Tensor, objectness_logits: Tensor, gamma: float) -> Tensor:
    """Sum over all points and classes of s^gamma * -ln(1 - s), s = sigmoid(cls) * sigmoid(obj).

    s^gamma is DW's I_neg (eq. 7) and has a gradient too. Exact where s is close to 0 or 1.

    Args:
        cls_logits: (N, R, K), float32 or float64.
        objectness_logits: (N, R, 1).

    Returns:
        A scalar; zero, attached to the graph, where there are no points.
    """
    no_pairs = torch.zeros(0, dtype=torch.long, device=cls_logits.device)
    num_classes = cls_logits.shape[-1]
    loss, _ = _Background.apply(
        cls_logits.reshape(-1, num_classes), objectness_logits.reshape(-1, 1), no_pairs, gamma
    )
    return loss


class _Background(torch.autograd.Function):
    """Loss and logits at some entries of cls_logits (P, K), by their position among the P * K."""

    @staticmethod
    def forward(ctx, cls_logits: Tensor, objectness_logits: Tensor | None, entry: Tensor, gamma):
        loss, ctx.gradients = _value_and_gradients(cls_logits, objectness_logits, gamma)
        ctx.save_for_backward(cls_logits, objectness_logits, entry)
        ctx.gamma = gamma
        return loss, take_rows(cls_logits.view(-1), entry)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_loss: Tensor, grad_logits: Tensor):
        cls_logits, objectness_logits, entry = ctx.saved_tensors
        if ctx.gradients is None:  # the graph was kept, and an earlier pass has used them up
            _, ctx.gradients = _value_and_gradients(cls_logits, objectness_logits, ctx.gamma)
        (grad_cls, grad_objectness), ctx.gradients = ctx.gradients, None
        grad_cls.mul_(grad_loss).view(-1).index_add_(0, entry, grad_logits)
        if grad_objectness is not None:
            grad_objectness.mul_(grad_loss)
        return grad_cls, grad_objectness, None, None


def pair_background_loss(log_s: Tensor, gamma: float) -> Tensor:
    """s^gamma * -ln(1 - s) of each pair, (Q,), from ln s: `background_loss` at single entries."""
    return torch.exp(gamma * log_s) * -torch.log(not_score(log_s))


def not_score(log_s: Tensor) -> Tensor:
    """1 - s from ln s, exact near s = 1, never 0."""
    return (-torch.expm1(log_s)).clamp(min=torch.finfo(log_s.dtype).tiny)


def _value_and_gradients(
    cls_logits: Tensor, objectness_logits: Tensor | None, gamma: float
) -> tuple[Tensor, tuple[Tensor, Tensor | None]]:
    """The loss of all points, and its gradients."""
    inputs = (cls_logits, objectness_logits)
    gradients = tuple(None if x is None else torch.empty_like(x) for x in inputs)
    if torch.compiler.is_compiling():  # which needs no blocks: intermediate results have no memory
        return -_of_block(*inputs, *gradients, gamma), gradients
    num_points, num_classes = cls_logits.shape
    block = CPU_BLOCK if cls_logits.device.type == "cpu" else BLOCK
    block = max(1, block // num_classes)
    total = cls_logits.new_zeros((), dtype=torch.float64)
    for first in range(0, num_points, block):
        part = slice(first, first + block)
        total -= _of_block(*(None if x is None else x[part] for x in inputs + gradients), gamma)
    return total.to(cls_logits.dtype), gradients


def _of_block(
    cls: Tensor,
    objectness: Tensor | None,
    grad_cls: Tensor,
    grad_objectness: Tensor | None,
    gamma: float,
) -> Tensor:
    """Minus the loss of a block of points; its gradients are written into `grad_...`.

    With a = sigmoid(cls), b = sigmoid(obj), s = a b and u = -ln(1 - s):
    d(s^gamma u)/ds = gamma s^(gamma - 1) u + s^gamma / (1 - s),
    ds/dcls = s (1 - a) and ds/dobj = s (1 - b).
    """
    a, not_a = torch.sigmoid(cls), torch.neg(cls, out=grad_cls).sigmoid_()
    if objectness is None:
        s, not_s = a, not_a.clone()
    else:
        b, not_b = torch.sigmoid(objectness), torch.sigmoid(-objectness)
        # 1 - s = (1 - a) + a (1 - b): exact near s = 1
        not_s = torch.addcmul(not_a, a, not_b)
        s = a.mul_(b)
    not_s.clamp_(min=torch.finfo(s.dtype).tiny)  # 0 where the logits exceed float's range
    importance = s**gamma
    slope, minus_u = s.div_(not_s), not_s.log_()
    minus_loss = torch.dot(importance.flatten(), minus_u.flatten())
    # s * d(s^gamma u)/ds
    slope.sub_(minus_u, alpha=gamma).mul_(importance)
    grad_cls.mul_(slope)
    if objectness is not None:
        torch.mul(slope.sum(dim=1, keepdim=True), not_b, out=grad_objectness)
    return minus_loss
