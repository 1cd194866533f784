#include "torch_tensor.hpp"

#include <algorithm>
#include <cstring>
#include <map>

#include "names.hpp"
#include "shapes.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc::foreign {

namespace {

// A tensor may be larger than its storage where a stride is 0; beyond this it is a bomb.
constexpr std::uint64_t kLargestExpansion = std::uint64_t{64} << 20;

bool starts_rebuild(std::string_view function) {
    for (const char* prefix :
         {"torch._utils._rebuild", "torch._tensor._rebuild", "torch.nn.parameter._rebuild",
          "torch.sparse._rebuild", "torch.ao.quantization._rebuild"})
        if (function.starts_with(prefix)) return true;
    return false;
}

std::optional<ForeignType> storage_type(const std::string& storage) {
    static const std::map<std::string, ForeignType, std::less<>> kTypes{
        {"FloatStorage", ForeignType::f32}, {"DoubleStorage", ForeignType::f64},
        {"HalfStorage", ForeignType::f16},  {"BFloat16Storage", ForeignType::bf16},
        {"LongStorage", ForeignType::i64},  {"IntStorage", ForeignType::i32},
        {"ShortStorage", ForeignType::i16}, {"CharStorage", ForeignType::i8},
        {"ByteStorage", ForeignType::u8},   {"BoolStorage", ForeignType::boolean}};
    const auto found = kTypes.find(storage.substr(storage.rfind('.') + 1));
    return found == kTypes.end() ? std::nullopt : std::optional(found->second);
}

std::optional<ForeignType> dtype_type(const std::string& dtype) {
    static const std::map<std::string, ForeignType, std::less<>> kTypes{
        {"torch.float32", ForeignType::f32}, {"torch.float64", ForeignType::f64},
        {"torch.float16", ForeignType::f16}, {"torch.bfloat16", ForeignType::bf16},
        {"torch.int64", ForeignType::i64},   {"torch.int32", ForeignType::i32},
        {"torch.int16", ForeignType::i16},   {"torch.int8", ForeignType::i8},
        {"torch.uint8", ForeignType::u8},    {"torch.bool", ForeignType::boolean}};
    const auto found = kTypes.find(dtype);
    return found == kTypes.end() ? std::nullopt : std::optional(found->second);
}

class TensorReader {
  public:
    TensorReader(const PickleGraph& graph, std::string_view name, std::string_view where)
        : graph_(graph), name_(name), where_(where) {}

    PickledTensor read(PickleId id) const {
        const auto [function, arguments] = unwrapped(id);
        const bool third = function == "torch._utils._rebuild_tensor_v3";
        if (arguments.size() < (third ? 7U : 4U)) stop("has too few arguments");
        PickledTensor out;
        auto& view = out.view;
        out.tensor.type = read_storage(arguments[0], third ? graph_.global_name(arguments[6]) : "", view);
        view.offset = static_cast<std::uint64_t>(whole_number(arguments[1], "offset"));
        out.tensor.shape = whole_numbers(arguments[2], "size");
        view.strides = whole_numbers(arguments[3], "stride");
        if (view.strides.size() != out.tensor.shape.size()) stop("has not one stride for each dimension");
        check_inside(out);
        return out;
    }

  private:
    [[noreturn]] void stop(std::string_view problem) const {
        fail<StorageError>("{}: tensor '{}' {}; was the file edited?", where_, shown(name_), problem);
    }
    [[noreturn]] void refuse_kind(std::string_view kind, std::string_view advice) const {
        fail<StorageError>("{}: tensor '{}' is {} (it has no plain array of numbers); {}", where_,
                           shown(name_), kind, advice);
    }

    struct Call {
        std::string function;
        std::vector<PickleId> arguments;
    };

    /// The call that makes the tensor itself, inside those that only wrap it: parameters, attributes of a
    /// tensor.
    Call unwrapped(PickleId id) const {
        constexpr int kMostWrappers = 8;
        if (graph_[id].kind != PickleKind::object) stop("wraps what is no tensor");
        Call call{graph_.global_name(graph_[id].target), items_of(graph_[id].arguments)};
        for (int i = 0; i < kMostWrappers; ++i) {
            if (call.function == "torch._utils._rebuild_tensor" ||
                call.function == "torch._utils._rebuild_tensor_v2" ||
                call.function == "torch._utils._rebuild_tensor_v3")
                return call;
            if (call.function == "torch._utils._rebuild_parameter" ||
                call.function == "torch._utils._rebuild_parameter_with_state") {
                if (call.arguments.empty() || graph_[call.arguments[0]].kind != PickleKind::object)
                    stop("wraps what is no tensor");
                const auto& inner = graph_[call.arguments[0]];
                call = {graph_.global_name(inner.target), items_of(inner.arguments)};
            } else if (call.function == "torch._tensor._rebuild_from_type_v2") {
                call = of_type(call.arguments);
            } else {
                refuse_function(call.function);
            }
        }
        stop("is wrapped too often");
    }

    /// arguments: function, type, its arguments, attributes. A subclass is refused: it may mean something
    /// else by its numbers.
    Call of_type(const std::vector<PickleId>& arguments) const {
        if (arguments.size() < 3) stop("has too few arguments");
        const auto type = graph_.global_name(arguments[1]);
        if (type != "torch.Tensor" && type != "torch.nn.parameter.Parameter" &&
            type != "torch.nn.parameter.Buffer")
            refuse_kind(fmt::format("of the subclass {}", shown(type)),
                        "save it as a plain tensor: t.as_subclass(torch.Tensor)");
        return {graph_.global_name(arguments[0]), items_of(arguments[2])};
    }

    [[noreturn]] void refuse_function(const std::string& function) const {
        if (function.find("qtensor") != std::string::npos)
            refuse_kind("quantised", "save it dequantised: t.dequantize()");
        if (function.find("sparse") != std::string::npos)
            refuse_kind("sparse", "save it dense: t.to_dense()");
        refuse_kind(fmt::format("made by {}", shown(function)), "save it as a plain dense tensor");
    }

    std::vector<PickleId> items_of(PickleId arguments) const {
        if (graph_[arguments].kind != PickleKind::tuple) stop("is made without arguments");
        return graph_[arguments].items;
    }

    ForeignType read_storage(PickleId id, const std::string& dtype, StorageView& view) const {
        const auto& reference = graph_[id];
        if (reference.kind != PickleKind::persistent) stop("has no storage");
        const auto& tuple = graph_[reference.target];
        if (tuple.kind != PickleKind::tuple || tuple.items.size() < 5 ||
            graph_[tuple.items[0]].text != "storage")
            stop("refers to something else than a storage");
        const auto& key = graph_[tuple.items[2]];
        if (key.kind != PickleKind::text) stop("has a storage without a name");
        view.key = key.text;
        const auto storage = graph_.global_name(tuple.items[1]);
        const bool untyped = !dtype.empty();
        const auto type = untyped ? dtype_type(dtype) : storage_type(storage);
        if (!type)
            fail<StorageError>(
                "{}: tensor '{}' has the type {} (f16, bf16, f32, f64, u8, i8, i16, i32, i64 and "
                "bool are read); convert it before saving",
                where_, shown(name_), shown(untyped ? dtype : storage));
        const auto count = whole_number(tuple.items[4], "storage size");
        const auto bytes = bytes_of({count}, untyped ? 1 : size_of(*type));
        if (!bytes) stop("has a storage of more bytes than can be counted");
        view.storage_bytes = *bytes;
        return *type;
    }

    std::int64_t whole_number(PickleId id, const char* what) const {
        const auto& value = graph_[id];
        if (value.kind != PickleKind::integer || value.integer < 0)
            stop(fmt::format("has no whole number as its {}", what));
        return value.integer;
    }

    std::vector<std::int64_t> whole_numbers(PickleId id, const char* what) const {
        const auto* list = &graph_[id];
        if (list->kind == PickleKind::object && graph_.global_name(list->target) == "torch.Size") {
            const auto arguments = items_of(list->arguments);
            if (arguments.size() != 1) stop("has a torch.Size that is none");
            list = &graph_[arguments[0]];
        }
        if ((list->kind != PickleKind::tuple && list->kind != PickleKind::list) ||
            list->items.size() > kMostDimensions)
            stop(fmt::format("has no list of at most {} numbers as its {}", kMostDimensions, what));
        std::vector<std::int64_t> numbers;
        numbers.reserve(list->items.size());
        for (const auto item : list->items) numbers.push_back(whole_number(item, what));
        return numbers;
    }

    /// Every element lies inside the storage, and the tensor is not much larger than that.
    void check_inside(const PickledTensor& tensor) const {
        const auto item = size_of(tensor.tensor.type);
        const auto bytes = bytes_of(tensor.tensor.shape, item);
        if (!bytes)
            stop(fmt::format("of shape {} has more elements than can be counted",
                             shape_text(tensor.tensor.shape)));
        std::uint64_t last = tensor.view.offset;  // of the last element
        for (std::size_t i = 0; *bytes != 0 && i < tensor.view.strides.size(); ++i) {
            std::uint64_t step = 0;
            if (__builtin_mul_overflow(static_cast<std::uint64_t>(tensor.tensor.shape[i] - 1),
                                       static_cast<std::uint64_t>(tensor.view.strides[i]), &step) ||
                __builtin_add_overflow(last, step, &last))
                stop("has strides that lead too far");
        }
        const auto held = tensor.view.storage_bytes / item;
        if (*bytes != 0 ? last >= held : last > held)
            stop(fmt::format("of shape {}, strides {} and offset {} leaves its storage of {} elements",
                             shape_text(tensor.tensor.shape), shape_text(tensor.view.strides),
                             tensor.view.offset, held));
        if (*bytes > tensor.view.storage_bytes && *bytes > kLargestExpansion)
            stop(fmt::format("repeats a storage of {} bytes to {}", tensor.view.storage_bytes, *bytes));
    }

    const PickleGraph& graph_;
    std::string_view name_, where_;
};

}  // namespace

bool is_tensor(const PickleGraph& graph, PickleId id) {
    return graph[id].kind == PickleKind::object && starts_rebuild(graph.global_name(graph[id].target));
}

PickledTensor read_tensor(const PickleGraph& graph, PickleId id, std::string name, std::string_view where) {
    check_tensor_name(name, where);
    auto tensor = TensorReader(graph, name, where).read(id);
    tensor.tensor.name = std::move(name);
    return tensor;
}

std::uint64_t extent(const PickledTensor& tensor) {
    std::uint64_t count = 1;
    for (std::size_t i = 0; i < tensor.tensor.shape.size(); ++i) {
        if (tensor.tensor.shape[i] == 0) return 0;
        count += static_cast<std::uint64_t>((tensor.tensor.shape[i] - 1) * tensor.view.strides[i]);
    }
    return count;
}

bool is_contiguous(const PickledTensor& tensor) {
    std::int64_t expected = 1;
    for (std::size_t i = tensor.tensor.shape.size(); i-- > 0;) {
        const auto size = tensor.tensor.shape[i];
        if (size == 0) return true;
        if (size != 1 && tensor.view.strides[i] != expected) return false;
        expected *= size;
    }
    return true;
}

void gather(const PickledTensor& tensor, std::span<const std::byte> storage, std::span<std::byte> out) {
    const auto& shape = tensor.tensor.shape;
    const auto item = size_of(tensor.tensor.type);
    std::vector<std::int64_t> index(shape.size(), 0);
    std::uint64_t from = 0;  // of the element at index, in elements
    for (std::size_t at = 0; at < out.size(); at += item) {
        std::memcpy(out.data() + at, storage.data() + from * item, item);
        for (std::size_t i = shape.size(); i-- > 0;) {  // the next index, row-major
            const auto stride = static_cast<std::uint64_t>(tensor.view.strides[i]);
            if (++index[i] < shape[i]) {
                from += stride;
                break;
            }
            from -= stride * static_cast<std::uint64_t>(shape[i] - 1);
            index[i] = 0;
        }
    }
}

}  // namespace vtvc::foreign
