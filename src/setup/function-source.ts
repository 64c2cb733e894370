/**
 * Our addition to the binding of @tensorflow/tfjs-node-gpu: TensorFlow's functions. A function is a graph that the
 * binding's own `executeOp` runs under its name, as any operation, so its inputs and outputs stay on the device. The
 * binding's `runSavedModel` copies all of them through the memory of the host.
 *
 * `addFunction(name, bytes, inputs, outputs)` takes a GraphDef and the names of its tensors, joined by commas.
 * `removeFunction(name)` forgets it, and what TensorFlow compiled for it. `runFunction(name, attributes, ids, outputs)` runs it
 * like `executeOp`, on a thread that treats numbers below 1.2e-38 as zero, as the threads of a session do.
 */
export const functionSource = `#include <node_api.h>
#include <cstdlib>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>
#ifdef __SSE__
#include <immintrin.h>
#endif
#include "tensorflow/c/c_api.h"
#include "tensorflow/c/eager/c_api.h"
// The binding keeps its context to itself.
#define private public
#include "tfjs_backend.h"
#undef private
#undef NAPI_MODULE
#define NAPI_MODULE(name, initialize) \\
  napi_value initializeBinding(napi_env env, napi_value exports) { return initialize(env, exports); }
#include "tfjs_binding.cc"

namespace tfnodejs {

struct Flush {
#ifdef __SSE__
  unsigned int before = _mm_getcsr();
  Flush() { _mm_setcsr(before | 0x8040); }
  ~Flush() { _mm_setcsr(before); }
#endif
};

static bool findOutputs(napi_env env, napi_value names, TF_Graph *graph, std::vector<TF_Output> &outputs) {
  std::string joined;
  if (GetStringParam(env, names, joined) != napi_ok) return false;
  for (size_t first = 0; first < joined.size();) {
    size_t end = joined.find(',', first);
    if (end == std::string::npos) end = joined.size();
    std::string name = joined.substr(first, end - first);
    size_t colon = name.find(':');
    TF_Operation *operation = TF_GraphOperationByName(graph, name.substr(0, colon).c_str());
    if (operation == nullptr) {
      napi_throw_error(env, nullptr, ("the graph has no tensor " + name).c_str());
      return false;
    }
    outputs.push_back({operation, std::atoi(name.substr(colon + 1).c_str())});
    first = end + 1;
  }
  return true;
}

static napi_value AddFunction(napi_env env, napi_callback_info info) {
  size_t argc = 4;
  napi_value args[4];
  napi_get_cb_info(env, info, &argc, args, nullptr, nullptr);
  TFJSBackend *const backend = GetTFJSBackend(env);
  std::string name;
  void *bytes;
  size_t length;
  if (backend == nullptr || argc < 4 || GetStringParam(env, args[0], name) != napi_ok ||
      napi_get_typedarray_info(env, args[1], nullptr, &length, &bytes, nullptr, nullptr) != napi_ok) {
    napi_throw_error(env, nullptr, "addFunction needs a name, the bytes of a graph, inputs and outputs");
    return nullptr;
  }
  TF_Status *status = TF_NewStatus();
  TF_Graph *graph = TF_NewGraph();
  TF_Buffer *definition = TF_NewBufferFromString(bytes, length);
  TF_ImportGraphDefOptions *options = TF_NewImportGraphDefOptions();
  TF_GraphImportGraphDef(graph, definition, options, status);
  TF_DeleteImportGraphDefOptions(options);
  TF_DeleteBuffer(definition);
  std::vector<TF_Output> inputs, outputs;
  if (TF_GetCode(status) == TF_OK && findOutputs(env, args[2], graph, inputs) &&
      findOutputs(env, args[3], graph, outputs)) {
    TF_Function *function =
        TF_GraphToFunction(graph, name.c_str(), 0, -1, nullptr, inputs.size(), inputs.data(), outputs.size(),
                           outputs.data(), nullptr, nullptr, nullptr, status);
    if (TF_GetCode(status) == TF_OK) TFE_ContextAddFunction(backend->tfe_context_, function, status);
    if (function != nullptr) TF_DeleteFunction(function);
  }
  if (TF_GetCode(status) != TF_OK) napi_throw_error(env, nullptr, TF_Message(status));
  TF_DeleteGraph(graph);
  TF_DeleteStatus(status);
  return nullptr;
}

static napi_value RemoveFunction(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value args[1];
  napi_get_cb_info(env, info, &argc, args, nullptr, nullptr);
  TFJSBackend *const backend = GetTFJSBackend(env);
  std::string name;
  if (backend == nullptr || argc < 1 || GetStringParam(env, args[0], name) != napi_ok) return nullptr;
  TF_Status *status = TF_NewStatus();
  TFE_ContextRemoveFunction(backend->tfe_context_, name.c_str(), status);
  if (TF_GetCode(status) != TF_OK) napi_throw_error(env, nullptr, TF_Message(status));
  TF_DeleteStatus(status);
  return nullptr;
}

void addContext(napi_env env, napi_value exports);

static napi_value RunFunction(napi_env env, napi_callback_info info) {
  size_t argc = 4;
  napi_value args[4];
  napi_get_cb_info(env, info, &argc, args, nullptr, nullptr);
  TFJSBackend *const backend = GetTFJSBackend(env);
  if (backend == nullptr || argc < 4) return nullptr;
  Flush flush;
  return backend->ExecuteOp(env, args[0], args[1], args[2], args[3]);
}

}  // namespace tfnodejs

extern "C" napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  exports = tfnodejs::initializeBinding(env, exports);
  const std::pair<const char *, napi_callback> added[] = {
      {"addFunction", tfnodejs::AddFunction},
      {"removeFunction", tfnodejs::RemoveFunction},
      {"runFunction", tfnodejs::RunFunction},
  };
  for (const auto &[name, callback] : added) {
    napi_value function;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
    napi_set_named_property(env, exports, name, function);
  }
  tfnodejs::addContext(env, exports);
  return exports;
}
`;
