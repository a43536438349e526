"""CLIP scores and Fréchet distances against what they are by definition, and the whole bench on tiny models."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import torch
from transformers import CLIPConfig, CLIPModel

from lucid_blender.backend import bench_pictures, bench_quality, cli, run
from lucid_blender.backend.bench_pictures import looks
from lucid_blender.backend.bench_quality import read_prompts
from lucid_blender.backend.choices import make_rasterizer
from lucid_blender.backend.cli_bench import named_changes
from lucid_blender.backend.diffusion import load
from lucid_blender.backend.grammar import CLASSES, Scene
from lucid_blender.backend.pictures import read_picture, to_bytes
from lucid_blender.backend.quality import inception
from lucid_blender.backend.quality.clip import DEVIATION, MEAN, load_clip
from lucid_blender.backend.quality.frechet import frechet_distance
from lucid_blender.backend.quality.inception import Inception, load_inception, resized
from lucid_blender.backend.quality.judge import features_of
from lucid_blender.backend.quality.known import truth
from lucid_blender.backend.quality.measures import MEASURES
from lucid_blender.backend.quality.report import Report, Run, markdown, summaries
from lucid_blender.backend.representations.gaussians import GaussianSplats
from lucid_blender.backend.representations.nerf import NerfField
from lucid_blender.backend.scores import look, look_through
from lucid_blender.core import presets
from lucid_blender.core.errors import InvalidInput, JobError, ModelError
from lucid_blender.core.options import DiffusionModel, GaussianBlob, Gaussians, Generation, HashGrid, Nerf, Sphere
from lucid_blender.core.presets import preset, with_representation
from lucid_blender.core.splats import SplatCloud

from .tiny_models import tiny_tokenizer

CPU = torch.device("cpu")
PROMPTS = Path(__file__).parents[2] / "benchmarks" / "prompts"


def gaussian(mean: np.ndarray, covariance: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Points with exactly this mean and this unbiased covariance."""
    points = np.random.default_rng(seed).normal(size=(count, len(mean)))
    points -= points.mean(0)
    whitener = np.linalg.inv(np.linalg.cholesky(np.cov(points.T)))
    return points @ whitener.T @ np.linalg.cholesky(covariance).T + mean


# ---------------------------------------------------------------- Fréchet distance


def test_the_distance_of_axis_aligned_gaussians_is_the_closed_form() -> None:
    a = gaussian(np.array([0.0, 1.0, 2.0]), np.diag([1.0, 4.0, 9.0]), 50, 0)
    b = gaussian(np.array([1.0, 1.0, 0.0]), np.diag([4.0, 1.0, 16.0]), 80, 1)
    # squared means 1 + 4; squared differences of the standard deviations 1 + 1 + 1
    assert frechet_distance(a, b) == pytest.approx(8.0, rel=1e-9)


def test_the_distance_agrees_with_the_root_of_the_product() -> None:
    random = np.random.default_rng(2)
    a, b = random.normal(size=(60, 5)) @ random.normal(size=(5, 5)), random.normal(size=(40, 5)) + 0.3
    c, d = np.cov(a.T), np.cov(b.T)
    root = scipy.linalg.sqrtm(c @ d).real
    wanted = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(c + d - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(wanted, rel=1e-8)


def test_fewer_pictures_than_features_are_enough() -> None:
    a = np.random.default_rng(3).normal(size=(4, 100)).astype(np.float32)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, a + 1) == pytest.approx(100, rel=1e-5)  # float32 features
    with pytest.raises(InvalidInput, match="two or more"):
        frechet_distance(a[:1], a)


# ---------------------------------------------------------------- CLIP


@pytest.fixture(scope="module")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random CLIP for pictures of 32 x 32 pixels, in transformers' layout."""
    folder = tmp_path_factory.mktemp("clip") / "tiny"
    tokenizer = tiny_tokenizer(folder.parent / "tokenizer")
    torch.manual_seed(0)
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = small | {"vocab_size": len(tokenizer), "max_position_embeddings": 16, "eos_token_id": tokenizer.eos_token_id}
    config = CLIPConfig(
        text_config=text | {"bos_token_id": tokenizer.bos_token_id},
        vision_config=small | {"image_size": 32, "patch_size": 8},
        projection_dim=8,
    )
    CLIPModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_clip_score_is_a_hundred_mean_cosines(tiny_clip: Path) -> None:
    clip = load_clip(str(tiny_clip), device=CPU, offline=True)
    pictures = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    pixels = (pictures - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(DEVIATION).view(3, 1, 1)
    tokens = clip.tokenizer(["a hat"], return_tensors="pt")
    with torch.no_grad():
        answer = clip.model(input_ids=tokens["input_ids"], pixel_values=pixels)
    cosines = answer.logits_per_image[:, 0] / clip.model.logit_scale.exp()
    found = [clip.score(picture[None], "a hat") for picture in pictures]
    assert found == pytest.approx([max(100 * float(c), 0) for c in cosines], rel=1e-4, abs=1e-4)  # float32
    mean = max(100 * float(cosines.mean()), 0)
    assert clip.score(pictures, "a hat") == pytest.approx(mean, rel=1e-4, abs=1e-4)
    assert any(found) and mean != clip.score(pictures, "ugly shoes")


def test_pictures_are_brought_to_the_size_that_the_clip_reads(tiny_clip: Path) -> None:
    clip = load_clip(str(tiny_clip), device=CPU, offline=True)
    flat = torch.full((1, 3, 50, 50), 0.5)
    small = torch.full((1, 3, 32, 32), 0.5)
    # 1e-4: bicubic weights sum to one within float32
    assert torch.allclose(clip.embed_pictures(flat), clip.embed_pictures(small), atol=1e-4)


def test_a_folder_without_a_clip_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot load the CLIP"):
        load_clip(str(tmp_path), device=CPU, offline=True)


# ---------------------------------------------------------------- Inception


def patterned() -> Inception:
    """An Inception whose weights are waves, so that another implementation can be given the same."""
    network = Inception().eval()
    with torch.no_grad():
        for k, (name, tensor) in enumerate(sorted(network.state_dict().items())):
            if not tensor.is_floating_point():
                continue
            wave = torch.from_numpy(np.sin(np.arange(tensor.numel()) * 0.37 + k)).float().view(tensor.shape)
            if tensor.ndim == 4:
                tensor.copy_(wave * (2 / tensor[0].numel()) ** 0.5 * 1.4)
            elif name.endswith("running_var"):
                tensor.copy_(1 + 0.5 * wave)
            elif name.endswith("bn.weight"):
                tensor.copy_(1 + 0.1 * wave)
            else:
                tensor.copy_(0.1 * wave)
    return network


def test_the_features_are_those_of_torch_fidelitys_inception(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "weights.pth"
    torch.save(patterned().state_dict(), path)
    monkeypatch.setattr(inception, "SHA256_START", hashlib.sha256(path.read_bytes()).hexdigest()[:8])
    network = load_inception(path, device=CPU)
    picture = torch.from_numpy((np.arange(3 * 40 * 40) * 7919 % 256).astype(np.float32)).view(1, 3, 40, 40) / 255
    features = network.features(picture)[0]
    # Recorded from torch-fidelity 0.4.0's FeatureExtractorInceptionV3 with these weights and this picture. The waves
    # are summed over thousands of terms in float32, in another order on another machine: hence 1e-3.
    wanted = [0.0, 0.0, 0.604765772819519, 0.0, 0.0, 0.03156791254878044, 0.0003351819468662143, 0.0]
    assert features[::256].tolist() == pytest.approx(wanted, abs=1e-3)
    assert float(features.double().sum()) == pytest.approx(534.2960, rel=1e-3)


def test_other_weights_than_fids_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"fc.bias": torch.zeros(1)}, path)
    with pytest.raises(ModelError, match="6726825d"):
        load_inception(path, device=CPU)
    with pytest.raises(ModelError, match="cannot load"):
        load_inception(tmp_path / "nowhere.pth", device=CPU)


def test_pictures_are_enlarged_from_the_first_corner_on() -> None:
    ramp = torch.arange(4.0).expand(1, 1, 4, 4)
    assert torch.allclose(resized(ramp, 8)[0, 0, 0], torch.tensor([0, 0.5, 1, 1.5, 2, 2.5, 3, 3]))


# ---------------------------------------------------------------- what is looked at


def test_the_classifiers_features_tell_props_apart() -> None:
    mugs, cars = (features_of(truth(Scene(name, "red")).pictures) for name in ("mug", "car"))
    assert mugs.ndim == 2 and len(mugs) == 24
    assert 3 * frechet_distance(mugs[::2], mugs[1::2]) < frechet_distance(mugs[::2], cars[1::2])


def test_a_prop_is_looked_at_on_white_and_the_same_way_each_time() -> None:
    cloud = SplatCloud.from_colors(
        positions=np.zeros((1, 3)),
        scales=np.full((1, 3), 0.2),
        rotations=np.array([[1.0, 0, 0, 0]]),
        opacities=np.array([0.9]),
        colors=np.array([[1.0, 0.0, 0.0]]),
    )
    generation = Generation(prompt="a mug", resolution=64)
    rasterize = make_rasterizer(generation.rasterizer)
    splats = GaussianSplats(Gaussians(), cloud, extent=1.0, iterations=1, rasterize=rasterize)
    views = looks(splats.render, generation, 3)
    assert views.shape == (3, 3, 64, 64)
    assert torch.allclose(views[:, :, 0, 0], torch.ones(3, 3))
    assert views[:, 0, 32, 32].min() > 0.9 and views[:, 1, 32, 32].max() < 0.3
    assert torch.equal(views, looks(splats.render, generation, 3))


def test_reference_pictures_are_sampled_reproducibly(tiny_model: Path) -> None:
    model = load(DiffusionModel(source=str(tiny_model)))

    def sampled(seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return model.sample("a hat", "", 10, steps=3, guidance_scale=7.5, generator=generator)

    found = sampled(0)
    assert found.shape == (10, 3, 32, 32) and 0 <= found.min() and found.max() <= 1
    assert torch.equal(found, sampled(0)) and not torch.equal(found, sampled(1))
    assert not torch.equal(found[:1], found[9:])  # another batch goes on with the generator


# ---------------------------------------------------------------- the bench


@pytest.mark.parametrize("name", ["luciddreamer", "dreammapping", "builtin"])
def test_the_published_prompts_are_there_once_each(name: str) -> None:
    prompts = read_prompts(PROMPTS / f"{name}.txt")
    assert len(prompts) >= 8 and len(set(prompts)) == len(prompts)
    assert not any(prompt.startswith("#") for prompt in prompts)


def test_a_file_without_prompts_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("# nothing\n\n")
    with pytest.raises(InvalidInput, match="holds no prompt"):
        read_prompts(tmp_path / "empty.txt")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_prompts(tmp_path / "nowhere.txt")


def arguments(tiny_model: Path, folder: Path, *more: str) -> list[str]:
    (folder / "prompts.txt").write_text("a hat\na shoe\n")
    settings = [
        "iterations=2",
        "resolution=32",
        "views=1",
        "initialiser.count=100",
        "representation.densification=null",
    ]
    return [
        *("bench", "quality", "--offline", f"--prompts={folder / 'prompts.txt'}", f"--model={tiny_model}"),
        *("--views=3", "--references=2", "--seeds", "4", "5", f"--output={folder / 'out'}"),
        *(word for setting in settings for word in ("--set", setting)),
        *more,
    ]


def test_the_bench_leaves_a_report_a_table_and_a_sheet_and_goes_on_from_them(
    tiny_model: Path, tiny_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_pictures, "SAMPLING_STEPS", 2)
    command = arguments(
        tiny_model, tmp_path, f"--clip={tiny_clip}", "--setting=short: iterations=1", "--setting=sds: objective=sds"
    )
    assert cli.main(command) == 0
    report = json.loads((tmp_path / "out" / "quality.json").read_text("utf-8"))
    made = [(run["prompt"], run["setting"], run["seed"]) for run in report["runs"]]
    assert made == [(p, s, n) for p in ("a hat", "a shoe") for s in ("short", "sds") for n in (4, 5)]
    assert report["features"] == "clip" and all(one["sampled_frechet"] > 0 for one in report["summaries"])
    evaluations = {run["setting"]: run["values"]["network_evaluations"] for run in report["runs"]}
    assert evaluations["sds"] == 4  # two iterations, with the words and without; the other stops after one
    name = f"CLIP {tiny_clip}"
    short, sds = ([r["values"][name] for r in report["runs"] if r["setting"] == s] for s in ("short", "sds"))
    mean, difference = report["summaries"][0]["means"][name], report["summaries"][1]["differences"][name]
    assert mean["mean"] == pytest.approx(np.mean(short)) and mean["count"] == 4
    assert difference["mean"] == pytest.approx(np.mean(sds) - np.mean(short))
    table = (tmp_path / "out" / "quality.md").read_text("utf-8")
    assert "| a shoe | sds | 2 |" in table and "features of clip" in table and "3D-FID" not in table
    assert read_picture(tmp_path / "out" / "sheet.png").pixels.shape == (2 * 132 + 4, 10 * 132 + 4, 3)

    assert cli.main(command) == 0  # nothing is distilled again: even the seconds are the same
    again = json.loads((tmp_path / "out" / "quality.json").read_text("utf-8"))
    assert again == report

    job = tmp_path / "out" / "000 short 4 a hat"
    with pytest.raises(JobError, match="other settings"):
        bench_quality.distilled(job, Generation(prompt="a hat"), load(DiffusionModel(source=str(tiny_model))))


def test_the_builtin_model_is_held_against_the_scenes_that_prompts_name(tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text("a red mushroom\na cactus\n")
    settings = ["iterations=1", "views=1", "initialiser.count=300", "representation.densification=null"]
    command = [
        *("bench", "quality", f"--prompts={tmp_path / 'prompts.txt'}", "--seeds", "0", f"--output={tmp_path / 'out'}"),
        *(word for setting in settings for word in ("--set", setting)),
    ]
    assert cli.main(command) == 0
    report = json.loads((tmp_path / "out" / "quality.json").read_text("utf-8"))
    mushroom, cactus = report["runs"]
    assert {measure.name for measure in MEASURES} <= mushroom["values"].keys()
    assert 0 < mushroom["values"]["iou"] < 1 and mushroom["notes"]["best_other"] in CLASSES
    assert mushroom["values"]["chamfer"] > 0.01
    assert "iou" not in cactus["values"]  # of no colour: no scene is known
    (summary,) = report["summaries"]
    # the scenes' pictures and nothing else make the pooled distance of the only run
    assert summary["pooled_frechet"] == pytest.approx(mushroom["values"]["frechet"], rel=1e-6)
    assert summary["sampled_frechet"] is None
    sheet = read_picture(tmp_path / "out" / "sheet.png").pixels
    wanted = to_bytes(truth(Scene("mushroom", "red")).pictures[3])
    middle = slice(4 + 40, 4 + 88)
    assert np.abs(sheet[middle, middle].mean((0, 1)) - wanted[40:88, 40:88].mean((0, 1))).max() < 4
    assert (sheet[136:264, 4:132] == 255).all()  # no scene, no picture


SMALL_FIELD = Nerf(
    grid=HashGrid(levels=1, coarsest=4, finest=4),
    hidden=4,
    samples=12,
    blob=GaussianBlob(density=6.0, deviation=0.3),
    splat_resolution=8,
)


@pytest.mark.parametrize("representation", ["image", "nerf"])
def test_fields_and_pictures_are_measured_beside_splats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, representation: str
) -> None:
    monkeypatch.setattr(run, "PICTURE_SIZE", 32)
    monkeypatch.setattr(presets, "BUILTIN_NERF", SMALL_FIELD)
    (tmp_path / "prompts.txt").write_text("a red mug\n")
    command = ["bench", "quality", f"--prompts={tmp_path / 'prompts.txt'}", f"--output={tmp_path / 'out'}"]
    command += ["--seeds", "0", f"--setting=one: representation={representation}", "--set", "iterations=1"]
    assert cli.main(command) == 0
    (made,) = json.loads((tmp_path / "out" / "quality.json").read_text("utf-8"))["runs"]
    known, solid = made["values"], representation == "nerf"
    assert (known["splats"] > 0) == solid and ("iou" in known) == solid and ("chamfer" in known) == solid
    assert {"class_agreement", "color_agreement", "text_score"} <= known.keys()
    sheet = read_picture(tmp_path / "out" / "sheet.png").pixels
    assert sheet.shape == (132 + 4, 4 * 132 + 4, 3)
    assert (sheet[4:132, 400:528] == 255).all() == (not solid)  # a picture has no back


def test_a_field_is_seen_as_it_is_and_not_as_its_splats() -> None:
    field = NerfField(SMALL_FIELD, torch.Generator().manual_seed(0), iterations=1, device=CPU)
    seen = look_through(field.render).level.alphas > 0.5
    shown = look(field.snapshot(), make_rasterizer("auto")).level.alphas > 0.5
    # The blob is round, so that every azimuth sees the same area, to some pixels on its rim; cells of 0.25 m do not.
    assert np.ptp(seen.sum((1, 2))) < 0.03 * seen.sum((1, 2)).mean()
    assert (seen != shown).mean() > 0.01


def test_the_classifier_judges_the_one_picture_and_no_distance_is_taken_of_it(tmp_path: Path) -> None:
    def generation_for(prompt: str, seed: int) -> Generation:
        return with_representation(preset("draft", prompt), "image")

    setting = bench_quality.Setting(name="flat", generation_for=generation_for)
    plan = bench_quality.Plan(prompts=("a red mug",), settings=(setting,))
    bench, mug = bench_quality.Bench(plan, tmp_path), Scene("mug", "red")
    said = bench.judge_picture(truth(mug).pictures[0], mug)
    assert (said["class_agreement"], said["color_agreement"]) == (1, 1) and said["text_score"] > 80
    assert said["second_color_agreement"] is None and said["material_agreement"] is None  # nothing was asked for
    assert bench.judge_picture(truth(mug).pictures[0], Scene("car", "blue"))["text_score"] == 0
    dressed = Scene("mug", "red", "yellow", "striped")
    said = bench.judge_picture(truth(dressed).pictures[0], dressed)
    assert (said["second_color_agreement"], said["material_agreement"]) == (1, 1)
    assert bench.judge_picture(truth(mug).pictures[0], dressed)["material_agreement"] == 0
    with pytest.raises(InvalidInput, match="too few for a distance"):
        bench_quality.measure(replace(plan, features="classifier"), tmp_path)


def test_objectives_are_compared_with_the_first_on_the_same_prompts_and_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[bench_quality.Plan] = []
    monkeypatch.setattr(bench_quality, "quality", lambda plan: plans.append(plan) or 0)
    arguments = ["bench", "objectives", "--objectives", "ism", "vdm", "--seeds", "4", "5", "--set", "iterations=3"]
    assert cli.main([*arguments, "--prompts", str(PROMPTS / "eight.txt")]) == 0
    (plan,) = plans
    assert (len(plan.prompts), plan.seeds) == (8, (4, 5))
    ism, vdm = (setting.generation_for("a red mug", 4) for setting in plan.settings)
    assert (ism.objective, vdm.objective) == (presets.objective("ism", ism.model), presets.objective("vdm", vdm.model))
    assert (
        replace(vdm, objective=ism.objective)
        == ism
        == replace(preset("standard", "a red mug"), objective=ism.objective, seed=4, iterations=3)
    )


def test_a_setting_may_choose_the_start_with_what_suits_the_preset(monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[bench_quality.Plan] = []
    monkeypatch.setattr(bench_quality, "quality", lambda plan: plans.append(plan) or 0)
    settings = ["--setting=as it is:", "--setting=ball: initialiser=sphere initialiser.opacity=0.3"]
    assert cli.main(["bench", "quality", *settings]) == 0
    as_it_is, ball = (setting.generation_for("a red mug", 0) for setting in plans[0].settings)
    assert as_it_is == replace(preset("draft", "a red mug"), seed=0)
    assert ball == replace(as_it_is, initialiser=Sphere(count=2000, opacity=0.3))


def known_run(setting: str, prompt: str, seed: int, iou: float, chamfer: float | None) -> Run:
    values = {"iou": iou, "chamfer": chamfer, "seconds": 10 * iou}
    return Run(setting=setting, prompt=prompt, seed=seed, values=values, notes={})


def test_the_tables_have_means_differences_and_prompts() -> None:
    runs = [
        *(known_run("old", "a", seed, iou, 0.02) for seed, iou in enumerate((0.5, 0.7))),
        *(known_run("new", "a", seed, iou, None) for seed, iou in enumerate((0.7, 0.9))),
        known_run("old", "b", 0, 0.2, 0.04),
        known_run("new", "b", 0, 0.4, None),
    ]
    found = summaries(runs, {"old": 12.345}, {"new": 142.634})
    assert [one.mean_rank for one in found] == [1.5, 1.5]  # one has the better IoU, the other has a mesh at all
    difference = found[1].differences["iou"]
    assert [difference.mean, difference.low, difference.high] == pytest.approx([0.2] * 3)  # in every pair
    assert found[1].differences.keys() == {"iou", "seconds"} and found[0].differences == {}
    report = Report(features="inception", views=5, references=6, summaries=found, runs=tuple(runs))
    lines = markdown(report).splitlines()
    assert lines[0] == "| setting | mean rank | IoU | chamfer, m | seconds |"
    assert lines[2] == "| *the scene itself* |  | 1 | 0 |  |"
    assert lines[3].startswith("| old | 1.50 | 0.400 (0.200 to 0.") and "0.0300 (0.0200 to 0.0400)" in lines[3]
    assert lines[4].startswith("| new | 1.50 | 0.600 (") and lines[4].split(" | ")[3] == ""
    assert lines[6] == "| less old | IoU | chamfer, m | seconds |"
    assert lines[8] == "| new | **+0.200 (+0.200 to +0.200)** |  | **+2 (+2 to +2)** |"
    assert lines[12] == "| a | old | 2 | 0.600 | 0.0200 | 6 |"
    assert lines[15] == "| b | new | 1 | 0.400 |  | 4 |"
    assert lines[17] == "old: Fréchet distance of all runs' views to the scenes', in the classifier's features: 12.35"
    assert lines[19] == "new: 3D-FID: 142.63, 5 views of each run and 6 sampled pictures for each of 2 prompts"


def test_a_setting_has_a_name_and_changes() -> None:
    assert named_changes("long : iterations=9 a.b='x y'") == ("long", ["iterations=9", "a.b=x y"])
    assert named_changes("as it is:") == ("as it is", [])
    for text in ("iterations=9", ": iterations=9"):
        with pytest.raises(InvalidInput, match="has no name"):
            named_changes(text)


def test_distances_without_their_weights_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    assert cli.main(arguments(tiny_model, tmp_path, "--features=inception")) == 1
    assert cli.main(arguments(tiny_model, tmp_path, "--features=clip")) == 1
