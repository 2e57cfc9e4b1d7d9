"""Everything that counts on a GPU, each beside Detectron2's FCOS in turn, in six minutes: training
steps eager and compiled, losses, whole trainings with data loading, and inference."""

import argparse
import time
from collections.abc import Callable, Iterator
from itertools import chain

import torch
from detectron2.config import instantiate

from benchmarks import losses, training
from benchmarks.measure import median_seconds, mib, ms, print_table
from benchmarks.step import Training, random_images
from dual_weighting.config.load import detectron2_config
from dual_weighting.model_zoo import get_config
from dual_weighting.modeling.compilation import CompiledStage, compile_detector

FCOS = "COCO-Detection/fcos_R_50_FPN_1x.py"
DW = "COCO-Detection/dw_R_50_FPN_1x.py"
OTHERS = {
    "O2F": "COCO-Detection/o2f_R_50_FPN_1x.py",
    "DLA": "COCO-Detection/dla_R_50_FPN_1x.py",
    "O2F-CondInst": "COCO-InstanceSegmentation/o2f_condinst_R_50_FPN_1x.py",
}
Row = tuple[str, str, str, str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, default=6, help="rows begun after it are left out")
    parser.add_argument("--num-images", type=int, nargs=2, default=(2, 16), metavar=("FEW", "MANY"))
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--workers", type=int, default=16, help="processes that load images")
    parser.add_argument("--steps", type=int, default=45, help="of a whole training")
    parser.add_argument("--backend", default="inductor", help="of torch.compile")
    parser.set_defaults(image_size=(800, 1216))


def run(args: argparse.Namespace) -> None:
    start, rows = time.monotonic(), []
    parts = (dw_steps, loss_calls, inference, whole_training, other_steps)
    for row in chain.from_iterable(part(args) for part in parts):
        rows.append(row)
        seconds = time.monotonic() - start
        print(f"[{seconds:4.0f} s]", *row, sep="  ", flush=True)
        if seconds > 60 * args.minutes:
            break
    print_table(
        f"On images of {args.image_size[0]} x {args.image_size[1]}, bfloat16, medians in turn",
        ("", "here", "FCOS of Detectron2, eager", "ratio"),
        rows,
    )


def compared(name: str, here: float, fcos: float, unit: Callable[[float], str] = ms) -> Row:
    return name, unit(here), unit(fcos), f"{here / fcos:.2f}"


def step_of(config, num_images: int, args: argparse.Namespace, *, compiled: bool = False):
    """A function that does a training step. Compiled, it has seen another size of images."""
    settings = {"num_images": num_images, "num_classes": 80, "device": args.device}
    one = Training(config, random_images(7, image_size=args.image_size, **settings), args.device)
    if compiled:
        compile_detector(one.model, args.backend)
        height, width = args.image_size
        images, one.images = (
            one.images,
            random_images(7, image_size=(height, width // 2), **settings),
        )
        one.step()
        one.images = images
    one.step()
    return one.step


def in_turn(calls: dict[str, Callable], args: argparse.Namespace) -> dict[str, float]:
    for call in calls.values():
        call(), call()
    return median_seconds(calls, args.repeats)


def peak(call: Callable, device: torch.device) -> int:
    """Most bytes of tensors on the GPU during a call, everything that lives on it included."""
    if device.type != "cuda":
        return 1
    torch.cuda.reset_peak_memory_stats()
    call()
    return torch.cuda.max_memory_allocated()


def dw_steps(args: argparse.Namespace) -> Iterator[Row]:
    few, many = args.num_images
    for count, kinds in ((few, ("eager", "compiled")), (many, ("compiled",))):
        memory, calls = {}, {}
        configs = {"fcos": detectron2_config(FCOS)} | {kind: get_config(DW) for kind in kinds}
        for kind, config in configs.items():
            before = torch.cuda.memory_allocated() if args.device.type == "cuda" else 0
            calls[kind] = step_of(config, count, args, compiled=kind == "compiled")
            memory[kind] = peak(calls[kind], args.device) - before
        seconds = in_turn(calls, args)
        for kind in kinds:
            yield compared(f"DW step, {count} images, {kind}", seconds[kind], seconds["fcos"])
        yield compared(
            f"memory, {count} images, {kinds[-1]}", memory[kinds[-1]], memory["fcos"], mib
        )
        del calls
        torch.cuda.empty_cache()


def other_steps(args: argparse.Namespace) -> Iterator[Row]:
    few, _ = args.num_images
    for name, config in OTHERS.items():
        calls = {
            "fcos": step_of(detectron2_config(FCOS), few, args),
            "eager": step_of(get_config(config), few, args),
            "compiled": step_of(get_config(config), few, args, compiled=True),
        }
        seconds = in_turn(calls, args)
        for kind in ("eager", "compiled"):
            yield compared(f"{name} step, {few} images, {kind}", seconds[kind], seconds["fcos"])


def loss_calls(args: argparse.Namespace) -> Iterator[Row]:
    """Scheme and losses, forward and backward, without backbone and head."""
    settings = {"num_images": args.num_images[1], "num_classes": 80, "device": args.device}
    scheme, loss = losses.SCHEMES["DW"]
    stages = CompiledStage(scheme, args.backend), CompiledStage(loss, args.backend)
    for num_gt in (7, 50, 200):
        batch = losses.random_batch(num_gt, image_size=args.image_size, **settings)
        known = losses.calls_of(batch, args.image_size)

        def compiled(batch=batch):
            for x in vars(batch.predictions).values():
                x.grad = None
            sum(stages[1](stages[0](batch), batch).values()).backward()

        calls = {"eager": known["DW"], "compiled": compiled, "fcos": known["FCOS of Detectron2"]}
        seconds = in_turn(calls, args)
        for kind in ("eager", "compiled"):
            name = f"scheme and losses of DW, {args.num_images[1]} images, {num_gt} objects, {kind}"
            yield compared(name, seconds[kind], seconds["fcos"])


def inference(args: argparse.Namespace) -> Iterator[Row]:
    image = {
        "image": random_images(
            1, num_images=1, num_classes=80, image_size=args.image_size, device=torch.device("cpu")
        )[0]["image"]
    }
    dtype = torch.float16 if args.device.type == "cuda" else torch.bfloat16

    def call_of(config, *, compiled: bool = False, half: bool = True):
        torch.manual_seed(0)
        model = instantiate(config.model).to(args.device, memory_format=torch.channels_last).eval()
        if compiled:
            compile_detector(model, args.backend)

        @torch.inference_mode()
        def call():
            with torch.autocast(args.device.type, dtype=dtype, enabled=half):
                model([image])

        return call

    calls = {
        "fcos": call_of(detectron2_config(FCOS)),
        "float32": call_of(get_config(DW), half=False),
        "float16": call_of(get_config(DW)),
        "float16, compiled": call_of(get_config(DW), compiled=True),
    }
    seconds = in_turn(calls, args)
    for kind in list(calls)[1:]:
        yield compared(f"one image, DW, {kind}", seconds[kind], seconds["fcos"])


def whole_training(args: argparse.Namespace) -> Iterator[Row]:
    """Images a second: more is better here."""
    options = {"config": DW, "num_images": args.num_images[1], "workers": args.workers}
    found = training.measured(argparse.Namespace(**vars(args) | options))
    (step, wait), (fcos, _) = found.values()
    rate = args.num_images[1]
    yield compared("images a second, whole training", rate / step, rate / fcos, "{:.0f}".format)
    yield "share of the training that waits for data", f"{wait / step:.0%}", "", ""
