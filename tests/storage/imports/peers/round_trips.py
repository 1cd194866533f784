#!/usr/bin/env python3
"""Files of every layout, made by the real packages, through vtvc and back into those packages, bit for bit.

    PYTHONPATH=.deps/peers:.deps/pytorch /usr/bin/python3 tests/storage/imports/peers/round_trips.py build/release/bin/vtvc

Exit code 77 (skipped) where the packages are not installed (./setup.sh --cuda installs them).
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
root = Path(__file__).resolve().parents[4]
sys.path[:0] = [str(root / ".deps" / "peers"), str(root / ".deps" / "pytorch"), str(Path(__file__).parent)]
try:
    import numpy
    import peft
    import tokenizers
    import torch
    import transformers
    from safetensors.torch import load_file, save_file
except ImportError as missing:
    print(f"skipped: {missing} (./setup.sh --cuda installs the packages that this test speaks to)")
    sys.exit(77)
import layouts

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
VTVC = str(Path(sys.argv.pop(1)).resolve())


def vtvc(*arguments, fails=False):
    """Runs vtvc; its JSON, or its message where it should fail."""
    done = subprocess.run([VTVC, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    if fails:
        assert done.returncode in (1, 2), f"exit code {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stderr
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return json.loads(done.stdout) if "--json" in arguments else done.stdout


def same(test, ours, theirs, names=None):
    """Bit-equal, types included."""
    for name in names or theirs:
        test.assertIn(name, ours)
        test.assertEqual(ours[name].dtype, theirs[name].dtype, name)
        test.assertTrue(torch.equal(ours[name], theirs[name]), name)


class Layouts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="vtvc-peers-")
        cls.at = Path(cls.scratch.name)
        layouts.as_project_modules()
        cls.base = layouts.open_clip_weights(1)
        cls.tuned = layouts.open_clip_weights(2, cls.base)
        cls.clip = layouts.clip_model(cls.base)
        cls.clip.save_pretrained(cls.at / "clip")
        vtvc("model", "import", cls.at / "clip", "--out", cls.at / "base.h5", "--family", "openai-clip")

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def every_layout(self, weights, folder):
        """Paths of the same weights in every layout of whole networks."""
        at = self.at / folder
        at.mkdir(exist_ok=True)
        save_file({"visual." + k: v for k, v in weights.items()}, at / "open_clip.safetensors")
        layouts.clip_model(weights).save_pretrained(at / "shards", max_shard_size="300KB")
        layouts.vision_model(weights).save_pretrained(at / "vision_model")
        old = {k: v for k, v in layouts.hugging_face_weights(weights).items() if k != "visual_projection.weight"}
        old["vision_model.embeddings.position_ids"] = torch.arange(5)[None]
        (at / "old").mkdir(exist_ok=True)
        torch.save(old, at / "old" / "pytorch_model.bin")
        encoder = layouts.ImageEncoder(weights)
        torch.save(encoder, at / "finetuned.pt")
        torch.save(encoder.state_dict(), at / "nonlinear_finetuned.pt")
        torch.save({"epoch": 3, "model_state_dict": {"module." + k: v for k, v in encoder.state_dict().items()},
                    "optimizer": {"state": {}, "param_groups": [{"lr": .1}]}}, at / "wrapped.pt")
        torch.save({"state_dict": layouts.split_attention(weights, "clip_model.model.visual.")}, at / "split.pt")
        torch.save(layouts.tangent_state(encoder, layouts.ImageEncoder(self.base)), at / "linear_finetuned.pt")
        return {p.stem: p for p in at.iterdir()}

    def test_every_layout_holds_the_same_network(self):
        """The base's own weights in any layout are a task vector of zeros over it, so every number is in its place."""
        paths = self.every_layout(self.base, "same")
        self.assertEqual(len(paths), 9)
        for name, path in paths.items():
            with self.subTest(layout=name):
                out = vtvc("bank", "import", "--base", self.at / "base.h5", "--task", f"t={path}", "--out",
                           self.at / "zero.h5", "--json")
                self.assertEqual(out["tasks"]["t"]["norm"], 0)
                self.assertIn("the base's own weights", out["tasks"]["t"]["warnings"][0])

    def test_tuned_checkpoints_come_back_as_they_went_in(self):
        paths = self.every_layout(self.tuned, "tuned")
        tasks = [f"--task={name}={path}" for name, path in paths.items()]
        out = vtvc("bank", "import", "--base", self.at / "base.h5", *tasks, "--out", self.at / "bank.h5", "--json")
        for name, task in out["tasks"].items():
            self.assertEqual(task["warnings"], [], name)
            self.assertAlmostEqual(task["distance"], .02, delta=.01)
        vtvc("export", "tasks", self.at / "bank.h5", "--out", self.at / "back")
        theirs = {"open_clip": load_file(paths["open_clip"]),
                  "vision_model": layouts.vision_model(self.tuned).state_dict(),
                  "nonlinear_finetuned": layouts.ImageEncoder(self.tuned).state_dict(),
                  "split": layouts.split_attention(self.tuned, "state_dict.clip_model.model.visual.")}
        for name, state in theirs.items():
            with self.subTest(layout=name):
                back = load_file(self.at / "back" / f"{name}.safetensors")
                same(self, back, state, [k for k in back])
        # A loader of its own project takes it.
        module = layouts.vision_model(self.base)
        module.load_state_dict(load_file(self.at / "back" / "vision_model.safetensors"))

    def test_a_base_goes_back_into_transformers(self):
        vtvc("export", "model", self.at / "base.h5", "--out", self.at / "again", "--complete-from", self.at / "clip")
        again, report = transformers.CLIPModel.from_pretrained(self.at / "again", output_loading_info=True)
        self.assertFalse(report["missing_keys"] or report["unexpected_keys"])
        same(self, again.state_dict(), self.clip.state_dict())
        self.assertEqual(again.config.vision_config.num_attention_heads, layouts.HEADS)

    def test_half_precision_stays_what_it_is(self):
        for dtype in (torch.float16, torch.bfloat16, torch.float64):
            with self.subTest(dtype=dtype):
                state = {k: v.to(dtype) for k, v in self.base.items()}
                save_file(state, self.at / "half.safetensors")
                vtvc("model", "import", self.at / "half.safetensors", "--out", self.at / "half.h5", "--family",
                     "openai-clip")
                vtvc("export", "model", self.at / "half.h5", "--out", self.at / "half_back.safetensors")
                same(self, load_file(self.at / "half_back.safetensors"), state)
                vtvc("export", "model", self.at / "base.h5", "--type", str(dtype)[6:].replace("float", "f").replace("bf", "bf"),
                     "--out", self.at / "rounded.safetensors")
                rounded = load_file(self.at / "rounded.safetensors")
                for name, value in layouts.hugging_face_weights(self.base).items():
                    self.assertTrue(torch.equal(rounded[name], value.to(dtype)), name)

    def test_merged_models_are_sums(self):
        save_file(layouts.hugging_face_weights(self.tuned), self.at / "t.safetensors")
        vtvc("bank", "import", "--base", self.at / "base.h5", "--task", f"t={self.at}/t.safetensors", "--task",
             f"u={self.at}/t.safetensors", "--out", self.at / "two.h5")
        vtvc("export", "merged", self.at / "two.h5", "--z", "all=.25", "--z", "u=.5", "--out", self.at / "m.safetensors")
        merged = load_file(self.at / "m.safetensors")
        base, tuned = (layouts.hugging_face_weights(w) for w in (self.base, self.tuned))
        self.assertEqual(set(merged), set(base))
        for name, value in merged.items():
            expected = base[name] + .75 * (tuned[name] - base[name])
            torch.testing.assert_close(value, expected, rtol=1e-6, atol=1e-7)

    def test_lora_folders_are_the_difference_that_peft_merges(self):
        for name, config in {"q and v": dict(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"]),
                             "stabilised": dict(r=4, lora_alpha=8, use_rslora=True, target_modules=["k_proj", "fc1"]),
                             "patterns": dict(r=4, lora_alpha=8, target_modules=["q_proj", "out_proj", "fc2"],
                                              rank_pattern={"out_proj": 2}, alpha_pattern={"layers.1.mlp.fc2": 3}),
                             "biases": dict(r=2, lora_alpha=2, target_modules=["v_proj"], bias="lora_only"),
                             "saved beside": dict(r=2, lora_alpha=4, target_modules=["q_proj"],
                                                  modules_to_save=["k_proj"]),
                             "patches": dict(r=3, lora_alpha=6, target_modules=["patch_embedding", "q_proj"])}.items():
            with self.subTest(adapter=name):
                torch.manual_seed(7)
                model = peft.get_peft_model(layouts.vision_model(self.base), peft.LoraConfig(**config))
                for key, parameter in model.named_parameters():
                    if "lora_" in key or "modules_to_save" in key or (parameter.requires_grad and key.endswith("bias")):
                        parameter.data += .02 * torch.randn_like(parameter)
                folder = self.at / "lora"
                model.save_pretrained(folder)
                out = vtvc("bank", "import", "--base", self.at / "base.h5", "--task", f"t={folder}", "--out",
                           self.at / "lora.h5", "--json")
                self.assertEqual(out["tasks"]["t"]["source"]["layout"], "PEFT LoRA")
                vtvc("export", "tasks", self.at / "lora.h5", "--out", self.at / "lora_back")
                back = load_file(self.at / "lora_back" / "t.safetensors")
                merged = model.merge_and_unload().state_dict()
                prefix = "" if "embeddings.class_embedding" in merged else "vision_model."
                changed = 0
                for key, value in merged.items():
                    ours = back["vision_model." + key.removeprefix(prefix)]
                    torch.testing.assert_close(ours, value, rtol=1e-5, atol=1e-6)
                    changed += not torch.equal(ours, layouts.hugging_face_weights(self.base)[
                        "vision_model." + key.removeprefix(prefix)])
                self.assertGreater(changed, 1)

    def test_what_does_not_fit_is_refused_by_name(self):
        wrong = dict(layouts.hugging_face_weights(self.tuned))
        key = "vision_model.encoder.layers.1.mlp.fc1.weight"
        wrong[key] = wrong[key][:, :-1].contiguous()
        save_file(wrong, self.at / "wrong.safetensors")
        bank = ["bank", "import", "--base", self.at / "base.h5", "--out", self.at / "refused.h5"]
        text = vtvc(*bank, "--task", f"t={self.at}/wrong.safetensors", fails=True)
        for words in (key, "[256, 127]", "[256, 128]"):
            self.assertIn(words, text)
        missing = dict(layouts.hugging_face_weights(self.tuned))
        del missing[key]
        save_file(missing, self.at / "missing.safetensors")
        self.assertIn("lacks", vtvc(*bank, "--task", f"t={self.at}/missing.safetensors", fails=True))
        nan = dict(layouts.hugging_face_weights(self.tuned))
        nan[key] = nan[key].clone()
        nan[key][3, 5] = float("nan")
        save_file(nan, self.at / "nan.safetensors")
        text = vtvc(*bank, "--task", f"t={self.at}/nan.safetensors", fails=True)
        self.assertIn(f"'{key}' has nan at element {3 * 128 + 5}", text)
        twice = vtvc(*bank, "--task", f"t={self.at}/nan.safetensors", "--task", f"t={self.at}/nan.safetensors", fails=True)
        self.assertIn("'t' is named twice", twice)
        self.assertFalse((self.at / "refused.h5").exists())

    def test_another_base_is_warned_about_with_figures(self):
        save_file(layouts.hugging_face_weights(layouts.open_clip_weights(99)), self.at / "stranger.safetensors")
        out = vtvc("bank", "import", "--base", self.at / "base.h5", "--task", f"t={self.at}/stranger.safetensors",
                   "--out", self.at / "stranger.h5", "--json")
        self.assertIn("was it fine-tuned from this base?", out["tasks"]["t"]["warnings"][0])
        self.assertAlmostEqual(out["tasks"]["t"]["distance"], 2 ** .5, delta=.05)

    def test_what_nobody_says_is_asked_for(self):
        save_file(self.base, self.at / "bare.safetensors")
        given = ["model", "import", self.at / "bare.safetensors", "--out", self.at / "bare.h5"]
        for option, value in (("--heads", 2), ("--activation", "quick_gelu"), ("--pixel-mean", .5)):
            self.assertIn(option, vtvc(*given, fails=True))
            given += [option, value]
        self.assertFalse((self.at / "bare.h5").exists())
        vtvc(*given, "--pixel-sd", .5)

    def test_heads(self):
        torch.manual_seed(3)
        text = torch.nn.functional.normalize(torch.randn(5, layouts.OUTPUT), dim=-1)
        torch.save(layouts.ClassificationHead(100 * text), self.at / "head_Toys.pt")
        common = ["--base", self.at / "base.h5", "--out", self.at / "head.h5", "--json"]
        out = vtvc("head", "import", self.at / "head_Toys.pt", *common)
        self.assertEqual((out["kind"], out["features"], out["classes"], out["bias"]), ("text", "normalised", 5, False))
        names = ["ant", "bee", "cat", "dog", "eel"]
        save_file({"text_embeds": text, "logit_scale": torch.tensor(100.).log()}, self.at / "text.safetensors",
                  metadata={"class_names": json.dumps(names)})
        out = vtvc("head", "import", self.at / "text.safetensors", *common)
        self.assertAlmostEqual(out["scale"], 100, places=3)
        self.assertEqual(out["class_names"], names)
        numpy.savez(self.at / "text.npz", text_embeds=text.double().numpy(), scale=numpy.float32(50))
        out = vtvc("head", "import", self.at / "text.npz", *common)
        self.assertEqual((out["scale"], out["classes"], out["format"]), (50, 5, "NumPy archive"))
        save_file({"text_embeds": text[:, :-1].contiguous(), "scale": torch.tensor(10.)}, self.at / "narrow.safetensors")
        self.assertIn("reads 23 features", vtvc("head", "import", self.at / "narrow.safetensors", *common, fails=True))
        save_file({"text_embeds": text}, self.at / "unscaled.safetensors")
        self.assertIn("--scale", vtvc("head", "import", self.at / "unscaled.safetensors", *common, fails=True))
        torch.save(layouts.ClassificationHead(text).state_dict(), self.at / "plain.pt")
        self.assertIn("--features", vtvc("head", "import", self.at / "plain.pt", *common, fails=True))

    def test_the_documented_example_makes_a_head(self):
        page = (root / "docs" / "clip.md").read_text()
        example = page.split("```python\n")[1].split("```")[0]
        words = ["[UNK]", "[PAD]", "<s>", "</s>", "a", "photo", "of", "ant", "bee", "."]
        tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({w: i for i, w in enumerate(words)}, "[UNK]"))
        tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
        tokenizer.post_processor = tokenizers.processors.TemplateProcessing("<s> $A </s>",
                                                                            special_tokens=[("<s>", 2), ("</s>", 3)])
        folder = self.at / "with_text"
        self.clip.save_pretrained(folder)
        transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]").save_pretrained(folder)
        (self.at / "example.py").write_text(example)
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path[:2])}
        subprocess.run([sys.executable, self.at / "example.py", folder, self.at / "classes.safetensors", "ant", "bee"],
                       env=environment, check=True, capture_output=True, timeout=120)
        out = vtvc("head", "import", self.at / "classes.safetensors", "--base", self.at / "base.h5", "--out",
                   self.at / "classes.h5", "--json")
        self.assertEqual(out["class_names"], ["ant", "bee"])
        self.assertAlmostEqual(out["scale"], float(self.clip.logit_scale.exp()), places=3)

    def test_inspect_says_what_a_file_is(self):
        about = vtvc("inspect", self.at / "clip", "--json")
        self.assertEqual(about["layout"], "Hugging Face CLIP")
        self.assertEqual(about["architecture"]["layers"], layouts.LAYERS)
        self.assertEqual(about["architecture"]["heads"], layouts.HEADS)
        self.assertIn("text_projection.weight", about["skipped"]["of the text tower"])
        self.assertLessEqual(len(vtvc("inspect", self.at / "clip").splitlines()), 100)


if __name__ == "__main__":
    unittest.main(verbosity=1)
