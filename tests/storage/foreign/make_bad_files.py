#!/usr/bin/env python3
"""Makes some hundred files that a reader must refuse: make_bad_files.py FOLDER. Standard library only.

FOLDER/expected.json: of each file the reader that is asked (checkpoint, numpy, idx, cifar, config, own) and words of the
message it must give. Folders below FOLDER: 'shards-…', a checkpoint in shards; 'cifar-…', CIFAR's binary version;
'config-…', what lies beside weights. 'own' files are HDF5 files of ours; those whose checksums are right are made by
tests/storage/deceit_test.cpp, and damaged ones by damage_test.cpp.
"""
import gzip
import json
import struct
import sys
import zipfile
import zlib
from pathlib import Path

expected = {}
FOLDER = None


def bad(name, content, *words, reader="checkpoint"):
    assert name not in expected, name
    if content is not None:
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert words and all(words), name
    expected[name] = {"reader": reader, "words": list(words)}


# ---- safetensors

def safetensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def bad_safetensors():
    good = safetensors({"layer.weight": entry()}, bytes(8))
    end = len(good) - 8
    for cut in (0, 1, 7, 8, 9, 12, 30, end - 1, end, end + 1, end + 7):
        bad(f"cut-at-{cut}.safetensors", good[:cut], "empty" if cut == 0 else "was it cut")
    for extra in (1, 8, 4096):
        bad(f"longer-by-{extra}.safetensors", good + bytes(extra), "follow the header")
    for name, length in (("all-ones", 2**64 - 1), ("half", 2**63), ("as-much-as-4gib", 2**32), ("one-too-many", 10**6)):
        bad(f"header-length-{name}.safetensors", safetensors({"w": entry()}, bytes(8), length), "does not fit")
    bad("header-length-0.safetensors", safetensors(b"", b""), "not JSON")
    bad("header-of-33-mib.safetensors", safetensors(b"{" + b" " * (33 << 20) + b"}"), "at most")
    for name, text, words in (
            ("not-json", b"{'w': 1}", "not JSON"), ("list", b"[1]", "not a JSON object"), ("number", b"17", "not a JSON object"),
            ("null", b"null", "not a JSON object"), ("unfinished", b'{"w":', "not JSON"), ("two", b"{}{}", "not JSON"),
            ("zeros", bytes(16), "not JSON"), ("no-utf8", b'{"\xff":1}', "not JSON"), ("nan", b'{"w":NaN}', "not JSON"),
            ("huge-number", b'{"w":1e999}', "too large"), ("comment", b'{/* */}', "not JSON"),
            ("deep-list", b'{"w":' + b"[" * 200000, "nested deeper"),
            ("deep-object", b'{"w":' * 100000, "nested deeper"),
            ("entry-is-list", b'{"w":[]}', "says nothing of tensor 'w'"), ("entry-is-null", b'{"w":null}', "says nothing"),
            ("key-twice", b'{"w":{"dtype":"F32","dtype":"F16"}}', "'dtype' twice"),
            ("tensor-twice", b'{"w":{},"w":{}}', "'w' twice"),
            ("no-dtype", b'{"w":{"shape":[0],"data_offsets":[0,0]}}', "no dtype"),
            ("no-shape", b'{"w":{"dtype":"F32","data_offsets":[0,0]}}', "no shape"),
            ("no-offsets", b'{"w":{"dtype":"F32","shape":[0]}}', "no data_offsets"),
            ("dtype-number", b'{"w":{"dtype":32,"shape":[0],"data_offsets":[0,0]}}', "not a text"),
            ("metadata-list", b'{"__metadata__":[]}', "__metadata__"), ("metadata-number", b'{"__metadata__":{"a":1}}', "'a' in __metadata__"),
            ("many-values", b'{"w":[' + b"0," * 4100000 + b"0]}", "more than 4000000 values")):
        bad(f"header-{name}.safetensors", safetensors(text), words)
    for name in ("../../x", "/etc/passwd", "a/../../b", "..", ".", "a//b", "a/", "./w"):
        bad(f"name-{len(expected)}.safetensors", safetensors({name: entry()}, bytes(8)), "is a path")
    for name in ("a\nb", "a\x00b", "\x1b[2J", "\x7f"):
        bad(f"name-{len(expected)}.safetensors", safetensors({name: entry()}, bytes(8)), "control characters")
    bad("name-empty.safetensors", safetensors({"": entry()}, bytes(8)), "empty name")
    bad("name-long.safetensors", safetensors({"x" * 100000: entry()}, bytes(8)), "100000 bytes")
    for dtype in ("F8_E4M3", "F8_E5M2", "U16", "U32", "U64", "C64", "F4", "float32", "", "F32 "):
        bad(f"dtype-{dtype.strip() or len(expected)}{len(expected)}.safetensors",
            safetensors({"w": entry(dtype)}, bytes(8)), f"dtype '{dtype}'")
    for shape, word in (([3], "needs 12 bytes"), ([1], "needs 4 bytes"), ([2, 2], "needs 16"), ([0], "needs 0"), ([-2], "not a list"),
                        ([2.0], "not a list"), (["2"], "not a list"), ([None], "not a list"), ([[2]], "not a list"),
                        ([2**62], "more elements"), ([2**32, 2**32], "more elements"), ([2**63], "not a list"),
                        ([2**64], "not a list"), ([2**32, 2**32, 0], "more elements"), ([1] * 33, "at most 32"), ([2**40], "needs")):
        bad(f"shape-{len(expected)}.safetensors", safetensors({"w": entry(shape=shape)}, bytes(8)), word, "'w'")
    for offsets, word in (([0, 9], "leave the data"), ([8, 0], "leave the data"), ([0], "leave the data"), ([], "leave the data"),
                          ([0, 4, 8], "leave the data"), ([2**62, 2**62 + 8], "leave the data"), ([-8, 0], "not a list"),
                          ([0, 2**64], "not a list"), ([0.0, 8.0], "not a list"), ([8, 16], "leave the data"), ([0, 4], "span 4")):
        bad(f"offsets-{len(expected)}.safetensors", safetensors({"w": entry(offsets=offsets)}, bytes(8)), word, "'w'")
    for name, a, b, words in (("same", (0, 4), (0, 4), "overlaps"), ("partly", (0, 4), (2, 6), "overlaps"), ("hole", (0, 4), (5, 9), "belong to no tensor"),
                              ("hole-first", (1, 5), (5, 9), "belong to no tensor"), ("hole-last", (0, 4), (4, 8), "9 follow")):
        bad(f"two-{name}.safetensors", safetensors({"a": entry("U8", [4], a), "b": entry("U8", [4], b)}, bytes(9)), words)


# ---- pickles, in an archive as torch.save makes it

def text(value):
    raw = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value):
    if -2**31 <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    size = value.bit_length() // 8 + 1
    return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)


def numbers(values):
    return b"(" + b"".join(map(number, values)) + b"t"


def storage(key="0", kind="torch FloatStorage", count=4, tag="storage"):
    module, name = kind.split()
    return b"(" + text(tag) + f"c{module}\n{name}\n".encode() + text(key) + text("cpu") + number(count) + b"tQ"


def call(function, *arguments):
    module, name = function.split()
    return f"c{module}\n{name}\n".encode() + b"(" + b"".join(arguments) + b"tR"


def tensor(held=None, offset=0, size=(2, 2), stride=(2, 1), function="torch._utils _rebuild_tensor_v2"):
    return call(function, held or storage(), number(offset), numbers(size), numbers(stride), b"\x89", b"}")


def state_dict(content, key="w"):
    return b"\x80\x02}" + text(key) + content + b"s."


def archive(pickled, storages=None, byteorder=b"little", top="top", packing=zipfile.ZIP_STORED, more=()):
    import io
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packing) as made:
        if pickled is not None:
            made.writestr(zipfile.ZipInfo(f"{top}/data.pkl"), pickled, packing)
        if byteorder is not None:
            made.writestr(zipfile.ZipInfo(f"{top}/byteorder"), byteorder, packing)
        for key, content in ({"0": bytes(16)} if storages is None else storages).items():
            made.writestr(zipfile.ZipInfo(f"{top}/data/{key}"), content, packing)
        for name, content in more:
            made.writestr(zipfile.ZipInfo(name), content, packing)
    return out.getvalue()


def bad_pickles():
    def pickled(name, raw, *words, **more):
        bad(f"pickle-{name}.pt", archive(raw, **more), *words)

    good = state_dict(tensor())
    for cut in (0, 1, 2, 3, 5, 10, 40, 60, 100, len(good) // 2, len(good) - 2, len(good) - 1):
        pickled(f"cut-at-{cut}", good[:cut], "damaged pickle", "save it again")
    for protocol in (0, 1, 6, 255):
        pickled(f"protocol-{protocol}", bytes([0x80, protocol]) + b"}.", f"protocol is {protocol}")
    for name, raw, word in (
            ("empty-stack", b".", "nothing is left"), ("no-protocol", b"}.", "does not begin"), ("left-over", b"}}.", "left over"),
            ("mark-open", b"(}.", "left over"), ("no-mark", b"}t.", "mark is missing"),
            ("append-to-dict", b"}Na.", "no list"), ("set-in-list", b"]NNs.", "no dict"), ("odd-items", b"}(Nu.", "no value"),
            ("memo-unset", b"h\x07.", "memo 7 was never set"), ("memo-huge", b"j\xff\xff\xff\xff.", "memo 4294967295"),
            ("state-of-list", b"]}b.", "no object"), ("unknown-opcode", b"\xfe.", "0xfe"), ("text-too-long", b"X\xff\xff\xff\x7fabc", "are left"),
            ("text-2-64", b"\x8d" + b"\xff" * 8 + b"a", "are left"), ("bytes-2-63", b"\x8e" + b"\0" * 7 + b"\x80a", "are left"),
            ("long-too-long", b"\x8b\xff\xff\xff\x7f\x01", "are left"), ("frame-too-long", b"\x95" + b"\xff" * 8 + b"}.", "a frame of"),
            ("global-without-end", b"cos\nsystem", "no end"), ("stack-global-of-numbers", b"K\1K\1\x93.", "no name"),
            ("second-protocol", b"\x80\x02}.", "second PROTO"), ("int-as-text", b"I42\n.", "opcode INT"), ("inst", b"(ios\nsystem\n.", "opcode INST"),
            ("obj", b"(cos\nsystem\no.", "opcode OBJ"), ("extension", b"\x82\x01.", "opcode EXT1"), ("persistent-text", b"Pa\n.", "opcode PERSID"),
            ("out-of-band", b"\x97.", "NEXT_BUFFER"), ("pop-nothing", b"0.", "nothing is left"), ("tuple-of-nothing", b"\x87.", "nothing is left"),
            ("put-nothing", b"q\0.", "nothing is left"), ("reduce-one", b"NR.", "nothing is left")):
        pickled(name, b"\x80\x02" + raw if name != "no-protocol" else raw, "damaged pickle", word)
    for name, content, words in (
            ("offset-outside", tensor(offset=1), "leaves its storage"), ("offset-far", tensor(offset=2**62), "leaves its storage"),
            ("offset-negative", tensor(offset=-1), "offset"), ("size-outside", tensor(size=(3, 2)), "leaves its storage"),
            ("stride-outside", tensor(stride=(4, 1)), "leaves its storage"), ("stride-far", tensor(stride=(2**62, 2**62)), "leaves its storage"),
            ("stride-overflow", tensor(size=(3, 3), stride=(2**63 - 1, 2**63 - 1)), "strides that lead too far"),
            ("stride-negative", tensor(stride=(-2, 1)), "stride"), ("size-negative", tensor(size=(-2, 2)), "size"),
            ("size-huge", tensor(size=(2**40, 2**40), stride=(0, 0)), "more elements"),
            ("size-2-80", tensor(size=(2**80,), stride=(1,)), "size"), ("expansion-bomb", tensor(size=(2**30,), stride=(0,)), "repeats a storage"),
            ("strides-missing", tensor(stride=(1,)), "one stride for each"), ("dimensions", tensor(size=(1,) * 33, stride=(1,) * 33), "at most 32"),
            ("storage-not-storage", tensor(storage(tag="module")), "something else than a storage"), ("storage-none", tensor(b"N"), "no storage"),
            ("storage-type", tensor(storage(kind="torch ComplexFloatStorage")), "torch.ComplexFloatStorage"),
            ("storage-other-class", tensor(storage(kind="os system")), "os.system"),
            ("storage-count-negative", tensor(storage(count=-4)), "storage size"), ("storage-count-huge", tensor(storage(count=2**62)), "more bytes"),
            ("storage-count-lies", tensor(storage(count=5)), "has 16 bytes, the pickle says 20"),
            ("storage-count-short", tensor(storage(count=3), size=(1, 1)), "has 16 bytes, the pickle says 12"),
            ("storage-absent", tensor(storage(key="9")), "storage '9'", ), ("storage-path", tensor(storage(key="../../../etc/passwd")), "is missing"),
            ("arguments-few", call("torch._utils _rebuild_tensor_v2", storage()), "too few arguments"),
            ("arguments-none", b"ctorch._utils\n_rebuild_tensor_v2\nNR", "without arguments"),
            ("quantised", call("torch._utils _rebuild_qtensor", storage()), "quantised"), ("sparse", call("torch._utils _rebuild_sparse_tensor", storage()), "sparse"),
            ("unknown-rebuild", call("torch._utils _rebuild_evil", storage()), "torch._utils._rebuild_evil"),
            ("subclass", call("torch._tensor _rebuild_from_type_v2", b"ctorch._utils\n_rebuild_tensor_v2\n", b"cevil\nTensor\n", b")", b"}"), "subclass evil.Tensor"),
            ("wrapped-number", call("torch._utils _rebuild_parameter", number(3)), "no tensor")):
        pickled(name, state_dict(content), "tensor 'w'", words)
    for key in ("../../x", "/abs", "a//b", "a\nb", "x" * 600):
        pickled(f"name-{len(expected)}", state_dict(tensor(), key), "name")
    pickled("same-name", b"\x80\x02}" + text("a.b") + tensor() + b"s" + text("a") + b"}" + text("b") + tensor() + b"ss.", "two tensors are named 'a.b'")
    wrapped = tensor()
    for _ in range(20):
        wrapped = call("torch._utils _rebuild_parameter", wrapped)
    pickled("wrapped-often", state_dict(wrapped), "wrapped too often")
    pickled("deep", b"\x80\x02" + b"]" * 100000 + b"a" * 99999 + b".", "nested deeper")
    pickled("deep-names", b"\x80\x02" + b"".join(b"}" + text("y" * 100) for _ in range(60)) + b"N" + b"s" * 60 + b".", "a name has more than")
    doubling = b"\x80\x02]" + b"".join(b"q" + bytes([i]) + b"]h" + bytes([i]) + b"ah" + bytes([i]) + b"a" for i in range(60))
    pickled("doubling", doubling + b".", "left over")
    laughs = b"\x80\x02]q\0" + b"".join(b"(h" + bytes([i]) + b"h" + bytes([i]) + b"tq" + bytes([i + 1]) for i in range(60))
    pickled("billion-laughs", laughs + b"\x85.", "left over")
    tower = b"\x80\x02]q\0" + b"".join(b"0(h" + bytes([i]) + b"h" + bytes([i]) + b"tq" + bytes([i + 1]) for i in range(60))
    pickled("tower-of-pairs", tower + b".", "values are reached")
    # One object with a thousand private attributes, in a list many thousand times.
    private = b"}(" + b"".join(text(f"_{i}") + b"N" for i in range(1000)) + b"u"
    module = b"cm\nN\n)\x81}(" + text("_parameters") + b"}" + text("_modules") + b"}" + b"".join(text(f"_{i}") + b"N" for i in range(1000)) + b"ub"
    for kind, value in (("attributes", b"cm\nN\n)\x81" + private + b"b"), ("module", module)):
        pickled(f"again-and-again-{kind}", b"\x80\x02]" + value + b"q\0a(" + b"h\0" * 100000 + b"e.", "values are reached")
    pickled("long-private-key", b"\x80\x02cm\nN\n)\x81}(" + text("_parameters") + b"}" + text("_modules") + b"}" + text("_" * 100000) + b"Nub.", "a name has more than")
    pickled("many-values", b"\x80\x02(" + b"N" * 4100000 + b"t.", "more than 4000000 values", packing=zipfile.ZIP_DEFLATED)
    tied = b"\x80\x02]" + tensor() + b"q\0a(" + b"N" * 4000 + b"h\0" * 201000 + b"e."
    pickled("many-tensors", tied, "more than 200000 tensors")


def bad_archives():
    good = archive(state_dict(tensor()))
    for cut in (4, 10, 30, 100, len(good) // 2, len(good) - 100, len(good) - 22, len(good) - 1):
        bad(f"archive-cut-at-{cut}.pt", good[:cut], "not a whole zip archive")
    bad("archive-longer.pt", good + bytes(100000), "not a whole zip archive")
    bad("archive-nothing.pt", b"PK\x03\x04" + bytes(200), "not a whole zip archive")
    bad("archive-without-pickle.pt", archive(None), "without a data.pkl")
    bad("archive-two-pickles.pt", archive(b"\x80\x02}.", more=[("other/data.pkl", b"\x80\x02}.")]), "two pickles")
    bad("archive-deep-pickle.pt", archive(None, more=[("a/b/data.pkl", b"\x80\x02}.")]), "without a data.pkl")
    for order in (b"big", b"", b"little\n", b"pdp", b"x" * 1000):
        bad(f"archive-order-{len(expected)}.pt", archive(state_dict(tensor()), byteorder=order), "byte order")
    bad("archive-same-name.pt", archive(state_dict(tensor()), more=[("top/data/0", bytes(16))]), "two entries have one name")
    central = good.rfind(b"PK\x05\x06")
    first = good.find(b"PK\x01\x02")

    def patched(name, at, raw, *words):
        bad(f"archive-{name}.pt", good[:at] + raw + good[at + len(raw):], *words)
    patched("count-too-high", central + 8, b"\xff\x00\xff\x00", "not a whole zip archive")
    patched("directory-size", central + 12, b"\xff\xff\xff\x7f", "not a whole zip archive")
    patched("directory-offset", central + 16, b"\xff\xff\xff\x7f", "not a whole zip archive")
    # The directory alone disagrees with the entry's own header …
    for name, at, raw in (("size", 24, b"\xff\xff\xff\x7f"), ("method", 10, b"\x0c\x00"), ("crc", 16, b"\0\0\0\0")):
        patched(f"directory-{name}-lies", first + at, raw, "not a whole zip archive")

    # … or both say the same: field is the place in the entry's header, two less than in the directory.
    def both(name, whole, entry, field, raw, *words):
        made = bytearray(whole)
        at = -1
        for _ in range(entry + 1):
            at = whole.find(b"PK\x01\x02", at + 1)
        begin = struct.unpack("<I", whole[at + 42:at + 46])[0]
        made[begin + field:begin + field + len(raw)] = raw
        made[at + field + 2:at + field + 2 + len(raw)] = raw
        bad(f"archive-{name}.pt", bytes(made), *words)
    both("encrypted", good, 0, 6, b"\x01\x00", "'top/data.pkl' is encrypted")
    both("bzip2", good, 0, 8, b"\x0c\x00", "'top/data.pkl' is packed by method 12")
    both("crc", good, 0, 14, b"\0\0\0\0", "damaged", "CRC")
    both("crc-of-storage", good, 2, 14, b"\0\0\0\0", "damaged", "CRC")
    both("larger-than-stored", good, 2, 22, b"\xff\xff\xff\x7f", "'top/data/0' promises 2147483647 bytes")
    patched("name-length", first + 28, b"\xff\xff", "not a whole zip archive")
    patched("offset", first + 42, b"\xff\xff\xff\x7f", "not a whole zip archive")
    flipped = bytearray(good)
    flipped[good.find(b"\x80\x02}")] ^= 1
    bad("archive-flipped-pickle.pt", bytes(flipped), "damaged")
    # A bomb: 100 MiB of zeros in 100 kB, where a pickle should be, and where a storage should be.
    bad("archive-bomb-pickle.pt", archive(bytes(100 << 20), packing=zipfile.ZIP_DEFLATED), "data.pkl has 104857600 bytes")
    squeezed = archive(state_dict(tensor()), {"0": bytes(1 << 20)}, packing=zipfile.ZIP_DEFLATED)
    bad("archive-bomb-storage.pt", squeezed, "has 1048576 bytes, the pickle says 16")
    both("ratio", squeezed, 2, 22, struct.pack("<I", 0x7fffffff), "cannot hold them")
    both("deflated-larger", archive(state_dict(tensor()), packing=zipfile.ZIP_DEFLATED), 2, 22, struct.pack("<I", 17),
         "has 17 bytes, the pickle says 16")
    both("deflated-short", archive(state_dict(tensor(storage(count=5), size=(5,), stride=(1,))), packing=zipfile.ZIP_DEFLATED), 2, 22,
         struct.pack("<I", 20), "damaged")
    both("not-deflate", archive(state_dict(tensor()), {"0": b"\xff" * 16}), 2, 8, b"\x08\x00", "damaged")
    bad("archive-of-text.pt", archive(None, {}, None, more=[("readme.txt", b"hello")]), "without a data.pkl")


def bad_others():
    for name, content, words in (
            ("empty.bin", b"", "empty"), ("text.pt", b"hello, this is no checkpoint at all", "no checkpoint that is known"),
            ("html.bin", b"<!DOCTYPE html><html>404 Not Found</html>", "no checkpoint that is known"),
            ("lfs.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 349827\n", "was it cut"),
            ("hdf5.h5", b"\x89HDF\r\n\x1a\n" + bytes(100), "no checkpoint that is known"), ("zeros.bin", bytes(1000), "no checkpoint that is known"),
            ("plain.pkl", b"\x80\x04\x95\x02\0\0\0\0\0\0\0}\x94.", "plain pickle"), ("gzip.pt", gzip.compress(b"x"), "no checkpoint that is known"),
            ("legacy.pth", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.", "before PyTorch 1.6")):
        bad(name, content, words)
    shard = safetensors({"a": entry()}, bytes(8))
    for name, index, words in (
            ("absent", {"a": "2.st"}, "is missing"), ("up", {"a": "../1.st"}, "only names of files beside it"), ("root", {"a": "/etc/passwd"}, "only names"),
            ("hidden", {"a": ".ssh"}, "only names"), ("nul", {"a": "1.st\0"}, "only names"), ("number", {"a": 1}, "not a text"), ("list", {"a": ["1.st"]}, "not a text"),
            ("none", {}, "is empty"), ("more", {"a": "1.st", "b": "1.st"}, "'b' is not in 1.st"), ("other", {"b": "1.st"}, "does not name it"),
            ("name", {"../a": "1.st"}, "is a path"), ("self", {"a": "model.safetensors.index.json"}, "no checkpoint that is known")):
        (FOLDER / f"shards-{name}").mkdir()
        (FOLDER / f"shards-{name}" / "1.st").write_bytes(shard)
        (FOLDER / f"shards-{name}" / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
        bad(f"shards-{name}", None, words)
    for name, raw, words in (("cut", b'{"weight_map":{"a"', "not JSON"), ("list", b"[]", "no weight_map"), ("no-map", b'{"metadata":{}}', "no weight_map"),
                             ("twice", b'{"weight_map":{},"weight_map":{}}', "twice"), ("deep", b"[" * 100000, "nested deeper"), ("empty", b"", "not JSON")):
        bad(f"index-{name}.index.json", raw, words)


# ---- NumPy and IDX

def npy(header, data=b"", version=1):
    raw = header.encode() if isinstance(header, str) else header
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(raw)) + raw + data


def described(descr="'<f4'", order="False", shape="(2,)"):
    return "{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }\n"


def bad_arrays():
    good = npy(described(), bytes(8))
    for cut in (0, 1, 5, 6, 7, 8, 9, 10, 30, len(good) - 9, len(good) - 8, len(good) - 1):
        bad(f"cut-at-{cut}.npy", good[:cut], "not an npy file" if cut < 6 else "was it cut", reader="numpy")
    bad("longer.npy", good + b"x", "9 follow", reader="numpy")
    for version in (0, 4, 255):
        bad(f"version-{version}.npy", b"\x93NUMPY" + bytes([version]) + good[7:], "npy version", reader="numpy")
    bad("header-4gib.npy", b"\x93NUMPY\x02\0\xff\xff\xff\xff" + good[10:], "at most 65536", reader="numpy")
    for header, words in ((described("'|O'"), "Python objects"), (described("'O'"), "Python objects"), (described("[('a', '<f4')]"), "records"), (described("'<U4'"), "'<U4'"),
                          (described("'<c8'"), "'<c8'"), (described("'f4'"), "element type"), (described("''"), "element type"), (described("'<u2'"), "'<u2'"),
                          (described("4"), "expected"), (described(shape="(2"), "expected"), (described(shape="(-2,)"), "a size is expected"), (described(shape="2"), "expected"),
                          (described(shape="(4611686018427387904,)"), "more elements"), (described(shape="(99999999999999999999,)"), "too large"),
                          (described(shape="(4294967296, 4294967296)"), "more elements"), (described(shape="(3,)"), "needs 12 bytes"), (described(shape="(2.0,)"), "expected"),
                          (described(shape="(" + "1," * 40 + ")"), "too many dimensions"), (described(order="0"), "True or False"), (described(order="__import__('os')"), "True or False"),
                          ("", "expected"), ("{", "expected"), ("{}", "is missing"), ("[]", "expected"), ("{'descr': '<f4', 'descr': '<f4'}", "not expected"),
                          ("{'evil': 1}", "not expected"), ("{'descr", "no end"), (described() + "x", "text follows"), ("(" * 60000, "expected")):
        bad(f"header-{len(expected)}.npy", npy(header, bytes(8)), words, reader="numpy")

    def npz(name, content, *words, packing=zipfile.ZIP_STORED):
        import io
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", packing) as made:
            for key, raw in content:
                made.writestr(zipfile.ZipInfo(key), raw, packing)
        bad(name, out.getvalue(), *words, reader="numpy")
    npz("path.npz", [("../../x.npy", good)], "is a path")
    npz("root.npz", [("/x.npy", good)], "is a path")
    npz("text.npz", [("a.npy", good), ("readme.txt", b"hello")], "is no .npy")
    npz("empty-entry.npz", [("a.npy", b"")], "array 'a'")
    npz("cut-entry.npz", [("a.npy", good[:30])], "array 'a'")
    npz("objects.npz", [("a.npy", npy(described("'|O'"), b"\x80\x04cos\nsystem\n."))], "Python objects")
    npz("bomb.npz", [("a.npy", npy(described(), bytes(64 << 20)))], "67108864 follow", packing=zipfile.ZIP_DEFLATED)

    images = b"\0\0\x08\x03" + struct.pack(">III", 2, 2, 2)
    for name, raw, words in (
            ("empty", b"", "within its IDX header"), ("magic", b"\x01\0\x08\x01" + bytes(8), "not an IDX file"), ("floats", b"\0\0\x0d\x01" + bytes(8), "not an IDX file"),
            ("no-dimension", b"\0\0\x08\0", "not an IDX file"), ("many-dimensions", b"\0\0\x08\xff" + b"\0\0\0\x01" * 255, "not an IDX file"),
            ("header-cut", images[:9], "within its IDX header"), ("data-cut", images + bytes(7), "promises 8"),
            ("longer", images + bytes(9), "bytes follow"), ("huge", b"\0\0\x08\x02" + b"\xff" * 8, "cannot hold"),
            ("overflow", b"\0\0\x08\x03" + b"\xff" * 12, "can be counted"), ("gzip-cut", gzip.compress(images + bytes(8))[:-9], "gzip stream"),
            ("gzip-flipped", gzip.compress(images + bytes(8))[:-8] + bytes(8), "damaged"), ("gzip-tail", gzip.compress(images + bytes(8)) + b"x", "follow its gzip stream"),
            ("gzip-bomb", gzip.compress(images + bytes(32 << 20)), "bytes follow"), ("gzip-none", b"\x1f\x8b" + bytes(20), "damaged")):
        bad(f"{name}-idx", raw, words, reader="idx")


# ---- CIFAR, configurations, files of ours

def bad_folder(name, files, *words, reader):
    (FOLDER / name).mkdir()
    for file, content in files.items():
        (FOLDER / name / file).write_bytes(content)
    bad(name, None, *words, reader=reader)


def bad_cifar():
    def row(*labels):
        return bytes(labels) + bytes(3072)
    good = {"data_batch_1.bin": row(0) * 2 + row(1) * 2, "test_batch.bin": row(1), "batches.meta.txt": b"a\nb\n"}
    hundred = {"train.bin": row(0, 0) * 2 + row(1, 1) * 2, "test.bin": row(0, 1), "fine_label_names.txt": b"a\nb\n"}
    for name, change, words in (
            ("empty", {"data_batch_1.bin": b""}, ("data_batch_1.bin", "has 0 bytes")), ("cut", {"data_batch_1.bin": row(0)[:-1]}, ("has 3072 bytes", "was it cut")),
            ("longer", {"test_batch.bin": row(1) + b"x"}, ("test_batch.bin", "has 3074 bytes")), ("pickled", {"data_batch_1.bin": b"\x80\x02}q\x00."}, ("is it not CIFAR's binary version",)),
            ("label-2", {"data_batch_1.bin": row(0) * 2 + row(2) * 2}, ("label 2 of row 2", "out of range")), ("label-255", {"test_batch.bin": row(255)}, ("label 255",)),
            ("one-name", {"batches.meta.txt": b"a\n"}, ("one class only",)), ("class-of-one", {"data_batch_1.bin": row(0) * 2 + row(1)}, ("class 'b' has 1 training rows",)),
            ("rows-of-100", {"data_batch_1.bin": row(0, 0) * 2}, ("has 6148 bytes",))):
        bad_folder(f"cifar-{name}", {**good, **change}, *words, reader="cifar")
    for name, change, words in (("100-cut", {"train.bin": row(0, 0)[:100]}, ("train.bin", "has 100 bytes", "3074")), ("100-of-10", {"test.bin": row(0) * 2}, ("test.bin", "has 6146 bytes")),
                                ("100-label", {"test.bin": row(0, 9)}, ("label 9",))):
        bad_folder(f"cifar-{name}", {**hundred, **change}, *words, reader="cifar")
    bad_folder("cifar-nothing", {}, "neither data_batch_1.bin", reader="cifar")
    for gone in ("test_batch.bin", "batches.meta.txt"):
        bad_folder(f"cifar-without-{gone}", {k: v for k, v in good.items() if k != gone}, gone, reader="cifar")


def bad_configs():
    for name, raw, words in (
            ("empty", b"", "is not JSON"), ("cut", b'{"hidden_act":', "is not JSON"), ("text", b"hello", "is not JSON"), ("list", b"[1]", "not a JSON object"), ("null", b"null", "not a JSON object"),
            ("no-utf8", b'{"a":"\xff"}', "is not JSON"), ("key-twice", b'{"a":1,"a":2}', "key twice"), ("huge-number", b'{"a":1e999}', "too large"), ("deep-list", b'{"a":' + b"[" * 100000, "nested deeper"),
            ("deep-object", b'{"a":' * 100000, "nested deeper"), ("large", b" " * ((16 << 20) + 1), "at most"), ("many", b"[" + b"0," * 4100000 + b"0]", "more than 4000000 values"),
            ("activation", b'{"hidden_act":"tanh"}', "'tanh'")):
        bad_folder(f"config-{name}", {"config.json": raw}, "config.json", words, reader="config")
    for file, key in (("preprocessor_config.json", "image_mean"), ("preprocessor_config.json", "image_std")):
        for kind, value in (("text", '"a"'), ("mixed", '[1,"a"]'), ("empty", "[]"), ("object", '{"a":1}'), ("null", "null")):
            bad_folder(f"config-{key}-{kind}", {file: f'{{"{key}":{value}}}'.encode()}, file, f"'{key}' should be a list of numbers", reader="config")


def bad_own():
    signature = b"\x89HDF\r\n\x1a\n"

    def own(name, place, index=b"", words="does not match its checksum", size=2048):
        head = b"vtvc bank 2\nAn HDF5 file\nindex " + place
        content = head.ljust(512, b"\0") + signature
        bad(f"own-{name}.h5", content.ljust(size - len(index), b"\0") + index, words, reader="own")
    for name, content, words in (("empty", b"", "not an HDF5 file"), ("text", b"hello", "not an HDF5 file"), ("zeros", bytes(4096), "not an HDF5 file"),
                                 ("signature", signature, "cannot open"), ("signature-zeros", signature + bytes(5000), "cannot open"),
                                 ("user-block-only", b"vtvc bank 2\n".ljust(512, b"\0") + signature, "cannot open"), ("signature-twice", signature * 300, "cannot open")):
        bad(f"own-{name}.h5", content, words, reader="own")
    own("index-flipped", b"2048 1948 100 " + b"0" * 32 + b"\n", b"VTVCIDX1".ljust(100, b"\0"))
    own("index-empty", b"2048 1000 0 " + b"0" * 32 + b"\n")
    # Places that cannot be: then only HDF5 is asked, and there is nothing for it.
    for name, place in (("index-outside", b"2048 2048 100 "), ("index-too-long", b"2048 1000 1049 "), ("index-huge", b"2048 1000 18446744073709551615 "),
                        ("index-far", b"2048 18446744073709551615 100 "), ("index-in-user-block", b"2048 10 100 "), ("other-size", b"4096 1000 100 "), ("no-number", b"many 1000 100 "),
                        ("too-large-a-number", b"99999999999999999999 1000 100 "), ("negative", b"-1 1000 100 ")):
        own(name, place + b"0" * 32 + b"\n", words="cannot open")


if __name__ == "__main__":
    FOLDER = Path(sys.argv[1])
    FOLDER.mkdir(parents=True, exist_ok=True)
    for make in (bad_safetensors, bad_pickles, bad_archives, bad_others, bad_arrays, bad_cifar, bad_configs, bad_own):
        make()
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=0))
    print(len(expected), "bad files")
