// Part of kernels.cpp, once an instruction set: packed numbers to floats. Exactly what storage makes of them,
// so that a product with a compressed bank has the bits of one with its floats.

HWY_INLINE Vec from_bf16(const std::uint16_t* numbers) {
    const hn::Rebind<std::uint16_t, Tag> narrow;
    const hn::Rebind<std::uint32_t, Tag> wide;
    return hn::BitCast(kTag, hn::ShiftLeft<16>(hn::PromoteTo(wide, hn::LoadU(narrow, numbers))));
}
HWY_INLINE Vec from_int8(const std::int8_t* numbers) {
    const hn::Rebind<std::int8_t, Tag> narrow;
    const hn::Rebind<std::int32_t, Tag> wide;
    return hn::ConvertTo(kTag, hn::PromoteTo(wide, hn::LoadU(narrow, numbers)));
}

/// number(line, v): the v-th vector of a line of this kind; scaled(vector, input, v): times its scale.
template <class Number, class Scaled>
HWY_INLINE void decode_lines(const DecodeArguments& a, const Number& number, const Scaled& scaled) {
    const float* packed = a.packed;
    float* out = a.out;
    for (std::int64_t i = 0; i < a.inputs; ++i, packed += a.packed_line, out += a.line) {
        VTVC_UNROLL for (int v = 0; v < kVectors; ++v)
            hn::Store(scaled(number(packed, v * kVector), i, v * kVector), kTag, out + v * kVector);
    }
}

void decode(const DecodeArguments& a) {
    const auto f32 = [](const float* line, int o) HWY_ATTR { return hn::LoadU(kTag, line + o); };
    const auto bf16 = [](const float* line, int o)
                          HWY_ATTR { return from_bf16(reinterpret_cast<const std::uint16_t*>(line) + o); };
    const auto int8 = [](const float* line, int o)
                          HWY_ATTR { return from_int8(reinterpret_cast<const std::int8_t*>(line) + o); };
    const auto as_is = [](Vec v, std::int64_t, int) HWY_ATTR { return v; };
    const auto by_input = [&a](Vec v, std::int64_t i, int)
                              HWY_ATTR { return hn::Mul(v, hn::Set(kTag, a.scales[i])); };
    const auto by_output = [&a](Vec v, std::int64_t, int o)
                               HWY_ATTR { return hn::Mul(v, hn::LoadU(kTag, a.scales + o)); };
    if (a.kind == StoredMatrix::Kind::bf16) return decode_lines(a, bf16, as_is);
    if (a.kind == StoredMatrix::Kind::f32) return decode_lines(a, f32, as_is);
    if (a.scales_by_input) return decode_lines(a, int8, by_input);
    decode_lines(a, int8, by_output);
}
