#pragma once
// Jobs of every kind for tests, made by visitors: a new key is covered without a line here.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "vtvc/core/jobs.hpp"

namespace vtvc::testing {

/// A visitor that does the same for every kind of number; rows stay as they are.
class EachKey : public Visitor {
  public:
    void section(std::string_view, std::string_view) override {}
    void key(std::string_view, bool&, const Key&) override {}
    void key(std::string_view, std::int64_t&, const Key&) override {}
    void key(std::string_view, double&, const Key&) override {}
    void key(std::string_view, std::string&, const Key&) override {}
    void key(std::string_view, std::vector<std::int64_t>&, const Key&) override {}
    void key(std::string_view, std::vector<double>&, const Key&) override {}
    void key(std::string_view, std::vector<std::string>&, const Key&) override {}
    void choice(std::string_view, int&, std::span<const std::string_view>, const Key&) override {}

  protected:
    std::size_t begin_rows(std::string_view name, std::size_t count, const Key&) override {
        rows_ = name;
        return count;
    }
    void begin_row(std::size_t index) override { prefix_ = fmt::format("{}.{}.", rows_, index); }
    void end_row() override { prefix_.clear(); }
    void end_rows() override {}
    std::string full(std::string_view name) const { return prefix_ + std::string(name); }

  private:
    std::string rows_, prefix_;
};

/// Gives every required text a value, and every required array one row.
class FillRequired final : public EachKey {
  public:
    using EachKey::key;
    void key(std::string_view name, std::string& value, const Key& about) override {
        if (about.presence != Key::Presence::required) return;
        value = about.role == Role::input ? "/inputs/" + full(name) : full(name);
    }

  protected:
    std::size_t begin_rows(std::string_view name, std::size_t count, const Key& about) override {
        EachKey::begin_rows(name, count, about);
        return about.presence == Key::Presence::required ? std::max<std::size_t>(count, 1) : count;
    }
};

/// Gives every key a value other than its default, within its range, texts with all that must be escaped.
class ChangeAll final : public EachKey {
  public:
    void key(std::string_view, bool& value, const Key&) override { value = !value; }
    void key(std::string_view, std::int64_t& value, const Key&) override { ++value; }
    void key(std::string_view, double& value, const Key& about) override { value = inside(about); }
    void key(std::string_view name, std::string& value, const Key& about) override {
        value = (about.role == Role::input ? "/inputs/" : "") + full(name) + " \"quoted\" \\ \t µ\n\x7f";
    }
    void key(std::string_view, std::vector<std::int64_t>& value, const Key& about) override {
        value = {static_cast<std::int64_t>(about.min) + 3, static_cast<std::int64_t>(about.min) + 1};
    }
    void key(std::string_view, std::vector<double>& value, const Key& about) override {
        value = {inside(about), about.min};
    }
    void key(std::string_view, std::vector<std::string>& value, const Key&) override {
        value = {"a \"b\"", ""};
    }
    void choice(std::string_view, int& index, std::span<const std::string_view> names, const Key&) override {
        index = (index + 1) % static_cast<int>(names.size());
    }

  protected:
    std::size_t begin_rows(std::string_view name, std::size_t count, const Key& about) override {
        EachKey::begin_rows(name, count, about);
        return 2;
    }

  private:
    static double inside(const Key& about) {
        if (std::isfinite(about.max)) return about.min + (about.max - about.min) / 3;
        return about.min + 1.0 / 3;  // no short decimal: what is written must be exact
    }
};

/// Every key's full name and value.
class Values final : public EachKey {
  public:
    std::map<std::string, std::string> all;
    void key(std::string_view n, bool& v, const Key&) override { all[full(n)] = fmt::format("{}", v); }
    void key(std::string_view n, std::int64_t& v, const Key&) override {
        all[full(n)] = fmt::format("{}", v);
    }
    void key(std::string_view n, double& v, const Key&) override { all[full(n)] = fmt::format("{:a}", v); }
    void key(std::string_view n, std::string& v, const Key&) override { all[full(n)] = v; }
    void key(std::string_view n, std::vector<std::int64_t>& v, const Key&) override {
        all[full(n)] = fmt::format("{}", fmt::join(v, ","));
    }
    void key(std::string_view n, std::vector<double>& v, const Key&) override {
        all[full(n)] = fmt::format("{:a}", fmt::join(v, ","));
    }
    void key(std::string_view n, std::vector<std::string>& v, const Key&) override {
        all[full(n)] = fmt::format("{}", fmt::join(v, "|"));
    }
    void choice(std::string_view n, int& index, std::span<const std::string_view>, const Key&) override {
        all[full(n)] = fmt::format("{}", index);
    }
};

inline std::map<std::string, std::string> values_of(Job& job) {
    Values values;
    job.describe(values);
    return values.all;
}

/// The default job with what it requires.
inline std::unique_ptr<Job> filled_job(const std::string& kind) {
    auto job = make_job(kind);
    FillRequired fill;
    job->describe(fill);
    return job;
}

}  // namespace vtvc::testing
