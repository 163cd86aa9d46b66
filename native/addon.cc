// N-API's side of the engine: takes JavaScript values apart, calls core.h, builds the answer.
// No logic lives here. C++ exceptions are off; nothing here throws into JavaScript but for
// arguments that src/engine/native.ts never passes.

#include <napi.h>

#include <cstdlib>
#include <cstring>

#include "core.h"

namespace {

// What one environment (the main thread, a worker) owns. Nothing is shared between them.
struct AddonState {
  // Room for the UTF-8 of any usual statement, so that recording one allocates nothing.
  static constexpr size_t kTextBytes = 64 * 1024;
  char text[kTextBytes];
  hd_normalized normalized;
};

// The UTF-8 bytes of a JavaScript string: in the environment's own buffer, or where they don't
// fit in memory of their own until the end of the scope. Anything but a string counts as empty.
class Utf8 {
 public:
  Utf8(napi_env env, napi_value value, AddonState* state) : data_(state->text) {
    // What N-API cut to the buffer's size can have had any length; so can what just fitted.
    if (napi_get_value_string_utf8(env, value, state->text, AddonState::kTextBytes, &bytes_) !=
        napi_ok) {
      bytes_ = 0;
      return;
    }
    if (bytes_ + 4 < AddonState::kTextBytes) return;
    size_t whole_bytes = 0;
    if (napi_get_value_string_utf8(env, value, nullptr, 0, &whole_bytes) != napi_ok) return;
    owned_ = static_cast<char*>(std::malloc(whole_bytes + 1));
    if (owned_ == nullptr) {
      is_complete_ = false;
      return;
    }
    napi_get_value_string_utf8(env, value, owned_, whole_bytes + 1, &bytes_);
    data_ = owned_;
  }
  ~Utf8() { std::free(owned_); }
  Utf8(const Utf8&) = delete;
  Utf8& operator=(const Utf8&) = delete;

  const char* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  // False where there was no memory for all of it.
  bool is_complete() const { return is_complete_; }

 private:
  const char* data_;
  char* owned_ = nullptr;
  size_t bytes_ = 0;
  bool is_complete_ = true;
};

AddonState* StateOf(const Napi::CallbackInfo& info) {
  return info.Env().GetInstanceData<AddonState>();
}

hd_sql_options SqlOptionsOf(const Napi::CallbackInfo& info) {
  return {static_cast<uint8_t>(info[1].As<Napi::Number>().Uint32Value()),
          static_cast<uint8_t>(info[2].As<Napi::Number>().Uint32Value())};
}

Napi::String HexOf(Napi::Env env, uint64_t value) {
  static const char kDigits[] = "0123456789abcdef";
  char text[16];
  for (int i = 15; i >= 0; i--, value >>= 4) text[i] = kDigits[value & 15];
  return Napi::String::New(env, text, sizeof text);
}

Napi::Value NowNs(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(hd_clock_now_ns()));
}

Napi::Value NowNsBigInt(const Napi::CallbackInfo& info) {
  return Napi::BigInt::New(info.Env(), hd_clock_now_ns());
}

// (sql, placeholders, standardConformingStrings) → { text, fingerprint, listLengths }, or
// undefined where there is no memory for the text.
Napi::Value NormalizeSql(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  AddonState* state = StateOf(info);
  Utf8 sql(env, info[0], state);
  if (!sql.is_complete()) return env.Undefined();
  hd_normalized* normalized = &state->normalized;
  if (hd_sql_normalize(sql.data(), sql.bytes(), SqlOptionsOf(info), normalized) != HD_OK) {
    return env.Undefined();
  }
  Napi::Array list_lengths = Napi::Array::New(env, normalized->list_lengths_count);
  for (uint32_t i = 0; i < normalized->list_lengths_count; i++) {
    list_lengths.Set(i, Napi::Number::New(env, normalized->list_lengths[i]));
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("text", Napi::String::New(env, normalized->text, normalized->text_bytes));
  result.Set("fingerprint", HexOf(env, normalized->fingerprint));
  result.Set("listLengths", list_lengths);
  return result;
}

// (sql, placeholders, standardConformingStrings) → Uint32Array of start, length and kind in
// turn, or undefined where there is no memory for them.
Napi::Value ScanSql(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Utf8 sql(env, info[0], StateOf(info));
  if (!sql.is_complete()) return env.Undefined();
  hd_sql_options options = SqlOptionsOf(info);
  size_t count = 0;
  if (hd_sql_scan(sql.data(), sql.bytes(), options, nullptr, 0, &count) != HD_OK) {
    return env.Undefined();
  }
  Napi::Uint32Array spans = Napi::Uint32Array::New(env, count * 3);
  if (spans.IsEmpty()) return env.Undefined();
  static_assert(sizeof(hd_span) == 3 * sizeof(uint32_t), "spans are handed on as they are");
  hd_sql_scan(sql.data(), sql.bytes(), options, reinterpret_cast<hd_span*>(spans.Data()), count,
              &count);
  return spans;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new AddonState());
  exports.Set("abiVersion", Napi::Number::New(env, hd_abi_version()));
  exports.Set("nowNs", Napi::Function::New<NowNs>(env, "nowNs"));
  exports.Set("nowNsBigInt", Napi::Function::New<NowNsBigInt>(env, "nowNsBigInt"));
  exports.Set("normalizeSql", Napi::Function::New<NormalizeSql>(env, "normalizeSql"));
  exports.Set("scanSql", Napi::Function::New<ScanSql>(env, "scanSql"));
  return exports;
}

}  // namespace

NODE_API_MODULE(hyperdjango, Init)
