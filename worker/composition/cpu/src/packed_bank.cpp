#include "vtvc/composition/packed_bank.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "buffer.hpp"
#include "kernels.hpp"

namespace vtvc {
namespace {

using Kind = StoredMatrix::Kind;
constexpr std::int64_t kLanes = PackedBank::lanes;

/// Floats that a line of a kind takes; none where there is no line.
std::int64_t floats_of_line(Kind kind) {
    switch (kind) {
        case Kind::f32:
            return kLanes;
        case Kind::bf16:
            return kLanes / 2;
        case Kind::int8:
            return kLanes / 4;
        default:
            return 0;
    }
}

// One input more than there is: a kernel composes the next input's line while it multiplies the last one.
std::int64_t floats_of(std::int64_t outputs, std::int64_t inputs, std::int64_t packed_line) {
    return ((outputs + kLanes - 1) / kLanes * inputs + 1) * packed_line;
}
std::int64_t floats_of(const StackedMatrices& m) {
    return floats_of(m.outputs, m.inputs, (1 + m.tasks) * kLanes);
}

/// Sixteen numbers of a matrix, one of each output from `first` on; zeros past the last output.
template <class T>
void pack_line(const T* matrix, std::int64_t output_stride, std::int64_t first, std::int64_t outputs,
               float* to) {
    T line[kLanes] = {};
    const std::int64_t width = std::min(kLanes, outputs - first);
    for (std::int64_t o = 0; o < width; ++o) line[o] = matrix[(first + o) * output_stride];
    std::memcpy(to, line, sizeof line);
}

/// The thin matrices of one low-rank part as seen from this side.
PackedBank::Thin thin_of(const StoredMatrices& m, std::int64_t task, const LowRank& f) {
    const StackedMatrices left{f.left, 0, f.rows, f.rank, 0, f.rank, 1};
    const StackedMatrices right{f.right, 0, f.rank, m.columns, 0, m.columns, 1};
    if (m.rows_are_outputs)
        return {task,
                f.rank,
                0,
                m.columns,
                f.first_row,
                f.rows,
                PackedBank(right),
                PackedBank(left),
                PackedBank(left.transposed())};
    return {task,
            f.rank,
            f.first_row,
            f.rows,
            0,
            m.columns,
            PackedBank(left.transposed()),
            PackedBank(right.transposed()),
            PackedBank(right)};
}

}  // namespace

PackedBank::PackedBank() = default;
PackedBank::PackedBank(const StackedMatrices& matrices) { assign(matrices); }
PackedBank::PackedBank(const StoredMatrices& matrices) { assign(matrices); }
PackedBank::~PackedBank() = default;
PackedBank::PackedBank(PackedBank&&) noexcept = default;
PackedBank& PackedBank::operator=(PackedBank&&) noexcept = default;

void PackedBank::Free::operator()(float* data) const { std::free(data); }

std::int64_t PackedBank::size_bytes() const {
    std::int64_t floats = capacity_ + static_cast<std::int64_t>(scales_.size());
    for (const Thin& t : thin_)
        floats += (t.in.size_bytes() + t.out.size_bytes() + t.back.size_bytes()) /
                  static_cast<std::int64_t>(sizeof(float));
    return floats * static_cast<std::int64_t>(sizeof(float));
}

std::int64_t PackedBank::size_bytes(const StackedMatrices& matrices) {
    return floats_of(matrices) * static_cast<std::int64_t>(sizeof(float));
}

std::int64_t PackedBank::size_bytes(const StoredMatrices& m) {
    std::int64_t line = kLanes, floats = 0;
    for (const StoredMatrix& task : m.tasks) {
        line += floats_of_line(task.kind);
        if (task.kind == Kind::int8) floats += m.rows;
        for (const LowRank& f : task.factors)
            floats += floats_of(f.rank, m.columns, kLanes) + floats_of(f.rows, f.rank, kLanes) +
                      floats_of(f.rank, f.rows, kLanes);
    }
    return (floats + floats_of(m.outputs(), m.inputs(), line)) * static_cast<std::int64_t>(sizeof(float));
}

void PackedBank::reserve(std::int64_t floats) {
    if (floats <= capacity_) return;
    data_.reset();
    capacity_ = 0;
    data_.reset(cpu::allocate_floats(floats));
    capacity_ = floats;
}

void PackedBank::assign(const StackedMatrices& m) {
    reserve(floats_of(m));
    tasks_ = m.tasks;
    outputs_ = m.outputs;
    inputs_ = m.inputs;
    packed_line_ = (1 + m.tasks) * lanes;
    scales_.clear();
    thin_.clear();
    lines_.clear();
    offsets_.clear();
    for (std::int64_t k = 0; k < m.tasks; ++k) {
        lines_.push_back({Kind::f32, k, (k + 1) * lanes, (k + 1) * lanes, 0});
        offsets_.push_back((k + 1) * lanes);
    }
    float* to = data_.get();
    for (std::int64_t first = 0; first < m.outputs; first += lanes)
        for (std::int64_t i = 0; i < m.inputs; ++i)
            for (std::int64_t k = 0; k <= m.tasks; ++k, to += lanes)
                pack_line(m.data + k * m.matrix_stride + i * m.input_stride, m.output_stride, first,
                          m.outputs, to);
    std::fill_n(to, packed_line_, 0.F);
}

/// Where each task vector's line goes: floats first, then bf16, then int8, so that each lies well; readable
/// lines are in the order of the tasks.
void PackedBank::plan(const StoredMatrices& m) {
    tasks_ = static_cast<std::int64_t>(m.tasks.size());
    outputs_ = m.outputs();
    inputs_ = m.inputs();
    scales_by_input_ = !m.rows_are_outputs;
    scales_.clear();
    thin_.clear();
    lines_.clear();
    offsets_.assign(m.tasks.size(), 0);
    for (std::int64_t k = 0; k < tasks_; ++k) {
        const StoredMatrix& task = m.tasks[static_cast<std::size_t>(k)];
        for (const LowRank& part : task.factors)
            if (part.rank > 0) thin_.push_back(thin_of(m, k, part));
        if (floats_of_line(task.kind) == 0) continue;
        const std::int64_t to = line();
        lines_.push_back({task.kind, k, 0, to, static_cast<std::int64_t>(scales_.size())});
        offsets_[static_cast<std::size_t>(k)] = to;
        if (task.kind != Kind::int8) continue;
        scales_.insert(scales_.end(), task.scales, task.scales + m.rows);
        // A panel's scales are read sixteen at a time.
        scales_.resize((scales_.size() + kLanes - 1) / kLanes * kLanes, 0.F);
    }
    packed_line_ = lanes;
    for (const Kind kind : {Kind::f32, Kind::bf16, Kind::int8})
        for (Line& own : lines_)
            if (own.kind == kind) {
                own.from = packed_line_;
                packed_line_ += floats_of_line(kind);
            }
}

void PackedBank::assign(const StoredMatrices& m) {
    plan(m);
    reserve(floats_of(outputs_, inputs_, packed_line_));
    const std::int64_t output_stride = m.rows_are_outputs ? m.columns : 1;
    const std::int64_t input_stride = m.rows_are_outputs ? 1 : m.columns;
    float* to = data_.get();
    for (std::int64_t first = 0; first < outputs_; first += lanes)
        for (std::int64_t i = 0; i < inputs_; ++i, to += packed_line_) {
            const std::int64_t at = i * input_stride;
            pack_line(m.base + at, output_stride, first, outputs_, to);
            for (const Line& own : lines_) {
                const StoredMatrix& task = m.tasks[static_cast<std::size_t>(own.task)];
                if (own.kind == Kind::f32)
                    pack_line(task.f32 + at, output_stride, first, outputs_, to + own.from);
                if (own.kind == Kind::bf16)
                    pack_line(task.bf16 + at, output_stride, first, outputs_, to + own.from);
                if (own.kind == Kind::int8)
                    pack_line(task.int8 + at, output_stride, first, outputs_, to + own.from);
            }
        }
    std::fill_n(to, packed_line_, 0.F);
}

const float* PackedBank::lines(std::int64_t panel, std::int64_t input, std::int64_t count,
                               const std::vector<bool>& used, float* scratch) const {
    if (readable()) return at(panel, input);
    const cpu::Kernels& kernels = cpu::kernels();
    const float* packed = at(panel, input);
    kernels.decode({Kind::f32, packed, packed_line_, scratch, line(), count, nullptr, false});
    for (const Line& own : lines_) {
        if (!used[static_cast<std::size_t>(own.task)]) continue;
        const float* scales = scales_.data() + own.scales + (scales_by_input_ ? input : panel * lanes);
        kernels.decode({own.kind, packed + own.from, packed_line_, scratch + own.to, line(), count,
                        own.kind == Kind::int8 ? scales : nullptr, scales_by_input_});
    }
    std::fill_n(scratch + count * line(), line(), 0.F);
    return scratch;
}

}  // namespace vtvc
