/**
 * Our second addition to the binding of @tensorflow/tfjs-node-gpu: the context that TensorFlow computes in. The binding makes one
 * without a configuration, when it is loaded. Its call is renamed by the command line of the compiler, so that ours is called.
 *
 * `RAVELIN_CONTEXT_CONFIG` is a serialized ConfigProto in hexadecimal digits, and `contextConfig` is what the context was made with.
 * `contextDevices()` lists its devices, whose memory on a GPU is the limit that TensorFlow took from the configuration.
 * `setTensorFloat32(allowed)`, `tensorFloat32()` and `isDeterministic()` are TensorFlow's own switches. `cudaFacts()` is what the
 * driver and cuDNN say themselves: the compute capability of the last device of this process, and cuDNN's number.
 */
export const contextSource = `#undef TFE_NewContextOptions
#include <dlfcn.h>
#include <node_api.h>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include "tensorflow/c/c_api.h"
#include "tensorflow/c/eager/c_api.h"
#define private public
#include "tfjs_backend.h"
#undef private

namespace tsl {
void enable_tensor_float_32_execution(bool enabled);
bool tensor_float_32_execution_enabled();
bool OpDeterminismRequired();
}  // namespace tsl

static std::string usedConfig;
static std::string configError;

extern "C" TFE_ContextOptions *ravelinContextOptions() {
  TFE_ContextOptions *options = TFE_NewContextOptions();
  const char *given = std::getenv("RAVELIN_CONTEXT_CONFIG");
  const std::string digits = given == nullptr ? "" : given;
  std::string bytes;
  for (size_t at = 0; at + 1 < digits.size(); at += 2)
    bytes.push_back(static_cast<char>(std::strtol(digits.substr(at, 2).c_str(), nullptr, 16)));
  if (bytes.empty()) return options;
  TF_Status *status = TF_NewStatus();
  TFE_ContextOptionsSetConfig(options, bytes.data(), bytes.size(), status);
  if (TF_GetCode(status) == TF_OK) usedConfig = digits;
  else configError = std::string("RAVELIN_CONTEXT_CONFIG: ") + TF_Message(status);
  TF_DeleteStatus(status);
  return options;
}

namespace tfnodejs {

static napi_value textOf(napi_env env, const std::string &text) {
  napi_value value;
  napi_create_string_utf8(env, text.c_str(), text.size(), &value);
  return value;
}

static void setNumber(napi_env env, napi_value object, const char *name, double number) {
  napi_value value;
  napi_create_double(env, number, &value);
  napi_set_named_property(env, object, name, value);
}

static napi_value truth(napi_env env, bool isTrue) {
  napi_value value;
  napi_get_boolean(env, isTrue, &value);
  return value;
}

static napi_value ContextDevices(napi_env env, napi_callback_info) {
  TFJSBackend *backend = nullptr;
  napi_get_instance_data(env, reinterpret_cast<void **>(&backend));
  napi_value list;
  napi_create_array(env, &list);
  if (backend == nullptr) return list;
  TF_Status *status = TF_NewStatus();
  TF_DeviceList *devices = TFE_ContextListDevices(backend->tfe_context_, status);
  if (TF_GetCode(status) == TF_OK) {
    for (int i = 0; i < TF_DeviceListCount(devices); i++) {
      napi_value device;
      napi_create_object(env, &device);
      napi_set_named_property(env, device, "name", textOf(env, TF_DeviceListName(devices, i, status)));
      napi_set_named_property(env, device, "type", textOf(env, TF_DeviceListType(devices, i, status)));
      setNumber(env, device, "memoryBytes", static_cast<double>(TF_DeviceListMemoryBytes(devices, i, status)));
      napi_set_element(env, list, i, device);
    }
    TF_DeleteDeviceList(devices);
  } else {
    napi_throw_error(env, nullptr, TF_Message(status));
  }
  TF_DeleteStatus(status);
  return list;
}

static napi_value SetTensorFloat32(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value args[1];
  bool isAllowed = false;
  napi_get_cb_info(env, info, &argc, args, nullptr, nullptr);
  if (argc < 1 || napi_get_value_bool(env, args[0], &isAllowed) != napi_ok)
    napi_throw_error(env, nullptr, "setTensorFloat32 needs true or false");
  else
    tsl::enable_tensor_float_32_execution(isAllowed);
  return nullptr;
}

static napi_value TensorFloat32(napi_env env, napi_callback_info) {
  return truth(env, tsl::tensor_float_32_execution_enabled());
}

static napi_value IsDeterministic(napi_env env, napi_callback_info) {
  return truth(env, tsl::OpDeterminismRequired());
}

static napi_value CudaFacts(napi_env env, napi_callback_info) {
  napi_value facts;
  napi_create_object(env, &facts);
  if (void *driver = dlopen("libcuda.so.1", RTLD_LAZY)) {
    const auto start = reinterpret_cast<int (*)(unsigned)>(dlsym(driver, "cuInit"));
    const auto count = reinterpret_cast<int (*)(int *)>(dlsym(driver, "cuDeviceGetCount"));
    const auto open = reinterpret_cast<int (*)(int *, int)>(dlsym(driver, "cuDeviceGet"));
    const auto read = reinterpret_cast<int (*)(int *, int, int)>(dlsym(driver, "cuDeviceGetAttribute"));
    int devices = 0, device = 0, major = 0, minor = 0;
    // 75 and 76 are CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR. The binding computes on the last device.
    if (start != nullptr && count != nullptr && open != nullptr && read != nullptr && start(0) == 0 &&
        count(&devices) == 0 && devices > 0 && open(&device, devices - 1) == 0 && read(&major, 75, device) == 0 &&
        read(&minor, 76, device) == 0)
      napi_set_named_property(env, facts, "capability",
                              textOf(env, std::to_string(major) + "." + std::to_string(minor)));
  }
  if (void *cudnn = dlopen("libcudnn.so.9", RTLD_LAZY | RTLD_NOLOAD)) {
    const auto version = reinterpret_cast<size_t (*)()>(dlsym(cudnn, "cudnnGetVersion"));
    if (version != nullptr) setNumber(env, facts, "cudnn", static_cast<double>(version()));
  }
  return facts;
}

/** Throws what TensorFlow said against the configuration. */
void addContext(napi_env env, napi_value exports) {
  if (!configError.empty()) napi_throw_error(env, nullptr, configError.c_str());
  napi_set_named_property(env, exports, "contextConfig", textOf(env, usedConfig));
  const std::pair<const char *, napi_callback> added[] = {
      {"contextDevices", ContextDevices}, {"setTensorFloat32", SetTensorFloat32},
      {"tensorFloat32", TensorFloat32},   {"isDeterministic", IsDeterministic},
      {"cudaFacts", CudaFacts},
  };
  for (const auto &[name, callback] : added) {
    napi_value function;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
    napi_set_named_property(env, exports, name, function);
  }
}

}  // namespace tfnodejs
`;

/** The parameter of the compiler with which the binding calls ours. */
export const contextRename = '-DTFE_NewContextOptions=ravelinContextOptions';
