#!/usr/bin/env python3
"""Writes bad_images/ beside this file: pictures that must be refused, and in bad_images.json what the refusal says.

Needs Python only; the whole pictures come from images/ (make_images.py). The result is committed.
"""
import json
import pathlib
import struct
import zlib

here = pathlib.Path(__file__).parent
folder = here / "bad_images"
folder.mkdir(exist_ok=True)
good = {path.name: path.read_bytes() for path in (here / "images").iterdir()}
cases = {}


def bad(name, data, *says):
    assert name not in cases
    cases[name] = list(says)
    (folder / name).write_bytes(data)


# ---- kinds that are not read
bad("empty.jpg", b"", "the file is empty")
bad("page.jpg", b"<!DOCTYPE html><html>not found</html>", "not a picture of a kind known here", "convert it")
bad("pointer.png", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "not a picture")
bad("gif.png", b"GIF89a\1\0\1\0\0\0\0;", "a GIF")
bad("bmp.jpg", b"BM" + bytes(60), "a BMP")
bad("webp.jpg", b"RIFF\x20\0\0\0WEBPVP8 " + bytes(20), "a WebP picture")
bad("tiff_le.jpg", b"II*\0\x08\0\0\0", "a TIFF")
bad("tiff_be.jpg", b"MM\0*\0\0\0\x08", "a TIFF")
bad("avif.jpg", b"\0\0\0\x1cftypavif" + bytes(16), "AVIF or HEIF")
bad("bitmap.pbm", b"P4\n8 1\n\xff", "PBM")
bad("bitmap_text.pbm", b"P1\n2 1\n1 0\n", "PBM")

# ---- netpbm
bad("ppm_only_kind.ppm", b"P6", "ends where its width")
bad("ppm_no_size.ppm", b"P6\n# nothing but a comment", "ends where its width")
bad("ppm_words.ppm", b"P6\nwide high 255\n", "width is not a number")
bad("ppm_negative.ppm", b"P6\n-3 2 255\n" + bytes(18), "width is not a number")
bad("ppm_zero.ppm", b"P6\n0 2 255\n", "no pixels")
bad("ppm_huge_number.ppm", b"P6\n99999999999999999999 2 255\n", "ten digits")
bad("ppm_too_large.ppm", b"P6\n99999999 99999999 255\n" + bytes(18), "too large")
bad("ppm_promises.ppm", b"P6\n9999 9999 255\n" + bytes(18), "299940003 bytes", "18 follow")
bad("ppm_cut.ppm", good["p6.ppm"][:-1], "was it cut")
bad("ppm_deep_cut.ppm", b"P6\n2 2 65535\n" + bytes(12), "24 bytes", "12 follow")
bad("ppm_largest_0.ppm", b"P6\n2 2 0\n" + bytes(12), "largest value is 0")
bad("ppm_largest_65536.ppm", b"P6\n2 2 65536\n" + bytes(24), "largest value is 65536")
bad("ppm_no_blank.ppm", b"P6\n2 2 255", "white space")
bad("pgm_value_large.pgm", b"P2\n2 1 9\n3 10\n", "is 10", "largest is 9")
bad("pgm_value_word.pgm", b"P2\n2 1 9\n3 x\n", "values is not a number")
bad("pgm_values_few.pgm", b"P2\n3 1 9\n3 4\n   ", "ends where its values")

# ---- PNG
rgb = good["rgb.png"]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header(width=37, height=23, depth=8, colour=2, compression=0, filtering=0, interlace=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, compression, filtering, interlace))


signature, after_header = rgb[:8], rgb[33:]
end = chunk(b"IEND", b"")


def flat(width, height, bytes_per_row):
    return chunk(b"IDAT", zlib.compress((b"\0" + bytes(bytes_per_row)) * height, 9))


bad("png_signature_only.png", signature, "PNG is damaged")
bad("png_text_mode.png", rgb.replace(b"\r\n", b"\n", 1), "not a picture")
bad("png_no_header.png", signature + after_header, "PNG is damaged")
bad("png_header_checksum.png", rgb[:20] + b"\1" + rgb[21:], "PNG is damaged")
bad("png_zero_width.png", signature + header(width=0) + after_header, "PNG is damaged")
bad("png_zero_height.png", signature + header(height=0) + after_header, "PNG is damaged")
bad("png_negative_width.png", signature + header(width=0x80000001) + after_header, "PNG is damaged")
bad("png_too_large.png", signature + header(100000, 100000) + after_header, "too large")
bad("png_promises.png", signature + header(9000, 9000) + after_header, "9000 x 9000", "cannot hold so much")
bad("png_depth_3.png", signature + header(depth=3) + after_header, "PNG is damaged")
bad("png_colour_5.png", signature + header(colour=5) + after_header, "PNG is damaged")
bad("png_palette_16.png", signature + header(depth=16, colour=3) + after_header, "PNG is damaged")
bad("png_compression_1.png", signature + header(compression=1) + after_header, "PNG is damaged")
bad("png_interlace_2.png", signature + header(interlace=2) + after_header, "PNG is damaged")
bad("png_no_palette.png", signature + header(8, 8, colour=3) + flat(8, 8, 8) + end, "PNG is damaged")
bad("png_no_pixels.png", signature + header() + end, "PNG is damaged")
bad("png_few_rows.png", signature + header(8, 8) + flat(8, 7, 24) + end, "PNG is damaged")
bad("png_no_end.png", rgb[:-12], "ends early")
bad("png_cut.png", rgb[:len(rgb) // 2], "ends early")
bad("png_cut_in_length.png", rgb[:35], "ends early")
bad("png_pixel_checksum.png", rgb[:60] + bytes([rgb[60] ^ 1]) + rgb[61:], "PNG is damaged")
bad("png_chunk_length.png", rgb[:33] + b"\x7f\xff\xff\xff" + rgb[37:], "PNG is damaged")
bad("png_chunk_negative.png", rgb[:33] + b"\xff\xff\xff\xff" + rgb[37:], "PNG is damaged")
bad("png_unknown_critical.png", signature + header() + chunk(b"ABCD", b"x") + after_header, "PNG is damaged")
bad("png_not_deflate.png", signature + header(8, 8) + chunk(b"IDAT", b"these are no packed rows") + end, "PNG is damaged")
bad("png_bad_filter.png", signature + header(1, 1) + chunk(b"IDAT", zlib.compress(b"\x09abc")) + end, "PNG is damaged")
bad("png_interlaced_cut.png", good["interlaced.png"][:-20], "PNG is damaged")

# ---- JPEG
jpeg, stairs = good["420.jpg"], good["progressive.jpg"]
frame, scan = jpeg.index(b"\xff\xc0"), jpeg.index(b"\xff\xda")


def put(data, at, value):
    return data[:at] + value + data[at + len(value):]


bad("jpeg_start_only.jpg", b"\xff\xd8\xff", "JPEG is damaged")
bad("jpeg_no_frame.jpg", jpeg[:frame] + jpeg[scan:], "JPEG is damaged")
bad("jpeg_header_only.jpg", jpeg[:scan], "JPEG is damaged")
bad("jpeg_no_scan_data.jpg", jpeg[:scan + 14], "JPEG is damaged")
bad("jpeg_cut_half.jpg", jpeg[:scan + (len(jpeg) - scan) // 2], "JPEG is damaged")
bad("jpeg_no_end.jpg", jpeg[:-2], "JPEG is damaged")
bad("jpeg_progressive_cut.jpg", stairs[:len(stairs) * 3 // 4], "JPEG is damaged")
bad("jpeg_ends_too_soon.jpg", jpeg[:scan + 40] + b"\xff\xd9", "JPEG is damaged")
bad("jpeg_zero_height.jpg", put(jpeg, frame + 5, b"\0\0"), "JPEG is damaged")
bad("jpeg_zero_width.jpg", put(jpeg, frame + 7, b"\0\0"), "JPEG is damaged")
bad("jpeg_too_large.jpg", put(jpeg, frame + 5, b"\xea\x60\xea\x60"), "too large")
bad("jpeg_promises.jpg", put(jpeg, frame + 5, b"\x27\x10\x27\x10"), "10000 x 10000", "was it cut")
bad("jpeg_12_bit.jpg", put(jpeg, frame + 4, b"\x0c"), "JPEG is damaged")
bad("jpeg_lossless.jpg", put(jpeg, frame + 1, b"\xc3"), "JPEG is damaged")
bad("jpeg_sampling_0.jpg", put(jpeg, frame + 11, b"\0"), "JPEG is damaged")
bad("jpeg_two_components.jpg", put(jpeg, frame + 9, b"\x02"), "JPEG is damaged")
bad("jpeg_segment_length.jpg", put(jpeg, jpeg.index(b"\xff\xdb") + 2, b"\0\x05"), "JPEG is damaged")
bad("jpeg_second_start.jpg", jpeg[:2] + jpeg, "JPEG is damaged")
bad("jpeg_table_overfull.jpg", put(jpeg, jpeg.index(b"\xff\xc4") + 5, bytes([255] * 16)), "JPEG is damaged")
bad("jpeg_no_quantiser.jpg", jpeg.replace(b"\xff\xdb", b"\xff\xfe"), "JPEG is damaged")
bad("jpeg_all_ones.jpg", jpeg[:scan + 14] + b"\xff\0" * 400 + b"\xff\xd9", "JPEG is damaged")
first = stairs.index(b"\xff\xda")
following = stairs.index(b"\xff\xc4", first)
bad("jpeg_endless_scans.jpg", stairs[:following] + 250 * stairs[first:following] + b"\xff\xd9", "more than 200 scans")

(here / "bad_images.json").write_text(json.dumps(cases, indent=1) + "\n")
print(len(cases), "files")
