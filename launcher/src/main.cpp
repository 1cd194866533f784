// vtvc: everything a person types. It links neither LibTorch nor MPI, so it answers at once; what computes is
// vtvc-worker.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "verbs.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/exit_code.hpp"
#include "vtvc/core/run_folder.hpp"

namespace {

int complain(const std::exception& error, int code) {
    fmt::print(stderr, "vtvc: {}\n", error.what());
    return code;
}

int run(CLI::App& app, int argc, char** argv) {
    try {
        app.parse(argc, argv);
        return vtvc::exit_code::done;
    } catch (const vtvc::Exit& exit) {
        return exit.code;
    } catch (const CLI::Success& help) {  // --help and --version arrive as exceptions
        return app.exit(help);
    } catch (const CLI::ParseError& error) {
        return complain(error, vtvc::exit_code::config);
    } catch (const vtvc::ConfigError& error) {
        return complain(error, vtvc::exit_code::config);
    } catch (const std::exception& error) {
        return complain(error, vtvc::exit_code::failed);
    }
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Variational task vector composition", "vtvc");
    app.set_version_flag("--version", vtvc::code_version);
    app.require_subcommand(1);
    app.failure_message(CLI::FailureMessage::simple);
    vtvc::add_verbs(app);
    return run(app, argc, argv);
}
