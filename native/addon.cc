// N-API's side of the engine: takes JavaScript values apart, calls core.h, builds the answer.
// No logic lives here. C++ exceptions are off, and nothing here throws into JavaScript but a
// constructor call that src/engine/native.ts never makes.

#include <napi.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "core.h"

namespace {

// Every entry point that is counted, so that tests can prove which engine worked.
enum Call {
  kNowNs,
  kNowNsBigInt,
  kNormalizeSql,
  kScanSql,
  kCreateRecorder,
  kBeginRequest,
  kNameRequest,
  kEndRequest,
  kBeginQuery,
  kBeginWait,
  kEndWait,
  kEndQuery,
  kInternStatement,
  kRecordQuery,
  kRecordFinding,
  kRecordPool,
  kRecordFault,
  kRead,
  kOpenSegment,
  kReadSegment,
  kCallCount
};

constexpr const char* kCallNames[kCallCount] = {
    "nowNs",        "nowNsBigInt", "normalizeSql",    "scanSql",     "createRecorder",
    "beginRequest", "nameRequest", "endRequest",      "beginQuery",  "beginWait",
    "endWait",      "endQuery",    "internStatement", "recordQuery", "recordFinding",
    "recordPool",   "recordFault", "read",            "openSegment", "readSegment",
};

constexpr int kHexDigits = 16;

// What one environment (the main thread, a worker) owns. The segment behind `thread` is the
// process's; everything else is shared with nobody.
struct AddonState {
  // Room for the UTF-8 of any usual statement, so that recording one allocates nothing.
  static constexpr size_t kTextBytes = 64 * 1024;
  char text[kTextBytes];
  hd_normalized normalized;
  char answer[kHexDigits + HD_TEXT_BYTES_MAX];
  Napi::Reference<Napi::Uint32Array> list_lengths_owner;
  uint32_t* list_lengths = nullptr;
  double calls[kCallCount] = {};
  hd_thread* thread = nullptr;
};

// The UTF-8 bytes of a JavaScript string: in the environment's own buffer, or where they don't
// fit in memory of their own until the end of the scope. Anything but a string counts as empty.
class Utf8 {
 public:
  Utf8(napi_env env, napi_value value, AddonState* state) : data_(state->text) {
    if (napi_get_value_string_utf8(env, value, state->text, AddonState::kTextBytes, &bytes_) !=
        napi_ok) {
      bytes_ = 0;
      return;
    }
    // N-API cuts between characters, so the buffer need not be full to the last byte.
    if (bytes_ + 4 >= AddonState::kTextBytes) TakeWhole(env, value);
  }
  ~Utf8() { std::free(owned_); }
  Utf8(const Utf8&) = delete;
  Utf8& operator=(const Utf8&) = delete;

  const char* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  // False where there was no memory for all of it.
  bool is_complete() const { return is_complete_; }

 private:
  void TakeWhole(napi_env env, napi_value value) {
    size_t whole_bytes = 0;
    is_complete_ = napi_get_value_string_utf8(env, value, nullptr, 0, &whole_bytes) == napi_ok;
    if (!is_complete_) return;
    owned_ = static_cast<char*>(std::malloc(whole_bytes + 1));
    is_complete_ = owned_ != nullptr && napi_get_value_string_utf8(env, value, owned_,
                                                                   whole_bytes + 1,
                                                                   &bytes_) == napi_ok;
    data_ = owned_;
  }

  const char* data_;
  char* owned_ = nullptr;
  size_t bytes_ = 0;
  bool is_complete_ = true;
};

// Anything but a number counts as 0.
double NumberOf(napi_env env, napi_value value) {
  double number = 0;
  return napi_get_value_double(env, value, &number) == napi_ok ? number : 0;
}

void WriteHex(uint64_t value, char* text) {
  static const char kDigits[] = "0123456789abcdef";
  for (int i = kHexDigits - 1; i >= 0; i--, value >>= 4) text[i] = kDigits[value & 15];
}

// Numbers that cross without a call for each: JavaScript writes inputs and reads results in an
// array that the recorder holds. Must be as in src/engine/native.ts.
enum Register { kStartNs = 0, kStatementId = 1, kResult = 2, kInputs = 3, kRegisterCount = 10 };

class Recorder : public Napi::ObjectWrap<Recorder> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Recorder", {InstanceMethod<&Recorder::Read>("read")});
  }

  // (capacities: Uint32Array of six, seed: BigInt, registers: Float64Array of ten), or
  // (undefined, undefined, registers) for the arena that `openSegment` gave this thread
  explicit Recorder(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<Recorder>(info), state_(info.Env().GetInstanceData<AddonState>()) {
    Napi::Env env = info.Env();
    if (info.Length() == 3 && info[0].IsUndefined() && state_->thread != nullptr) {
      hd_thread_state joined = {};
      hd_thread_describe(state_->thread, &joined);
      recorder_ = joined.recorder;
      if (recorder_ != nullptr) Attach(info);
      return;
    }
    state_->calls[kCreateRecorder]++;
    if (info.Length() != 3 || !info[0].IsTypedArray() || !info[1].IsBigInt() ||
        !info[2].IsTypedArray()) {
      Napi::TypeError::New(env, "Recorder takes capacities, seed and registers")
          .ThrowAsJavaScriptException();
      return;
    }
    Napi::TypedArray capacities = info[0].As<Napi::TypedArray>();
    if (capacities.TypedArrayType() != napi_uint32_array || capacities.ElementLength() != 6) {
      Napi::TypeError::New(env, "Recorder takes a Uint32Array of 6").ThrowAsJavaScriptException();
      return;
    }
    if (!AreRegisters(info[2])) {
      Napi::TypeError::New(env, "Recorder takes a Float64Array of 10")
          .ThrowAsJavaScriptException();
      return;
    }
    const uint32_t* capacity = info[0].As<Napi::Uint32Array>().Data();
    hd_capacities wanted = {capacity[0], capacity[1], capacity[2],
                            capacity[3], capacity[4], capacity[5]};
    bool is_lossless = false;
    uint64_t seed = info[1].As<Napi::BigInt>().Uint64Value(&is_lossless);
    hd_status status = hd_recorder_create(&wanted, seed, &recorder_);
    owned_ = recorder_;
    if (status != HD_OK) {
      Napi::RangeError::New(env, status == HD_OUT_OF_MEMORY
                                     ? "There is no memory for the recorder"
                                     : "A capacity is not a power of two, or too large")
          .ThrowAsJavaScriptException();
      return;
    }
    Attach(info);
  }

  ~Recorder() override { hd_recorder_destroy(owned_); }

 private:
  static bool AreRegisters(const Napi::Value& value) {
    return value.IsTypedArray() &&
           value.As<Napi::TypedArray>().TypedArrayType() == napi_float64_array &&
           value.As<Napi::TypedArray>().ElementLength() == kRegisterCount;
  }

  void Attach(const Napi::CallbackInfo& info) {
    if (!AreRegisters(info[2])) {
      Napi::TypeError::New(info.Env(), "Recorder takes a Float64Array of 10")
          .ThrowAsJavaScriptException();
      return;
    }
    // The array stays alive as long as the pointer into it.
    registers_owner_ = Napi::Persistent(info[2].As<Napi::Float64Array>());
    registers_ = info[2].As<Napi::Float64Array>().Data();

    AddHot(info, "beginRequest", BeginRequest);
    AddHot(info, "nameRequest", NameRequest);
    AddHot(info, "endRequest", EndRequest);
    AddHot(info, "beginQuery", BeginQuery);
    AddHot(info, "beginStatement", BeginStatement);
    AddHot(info, "beginWait", BeginWait);
    AddHot(info, "endWait", EndWait);
    AddHot(info, "endQuery", EndQuery);
    AddHot(info, "internStatement", InternStatement);
    AddHot(info, "recordQuery", RecordQuery);
    AddHot(info, "recordFinding", RecordFinding);
    AddHot(info, "recordPool", RecordPool);
    AddHot(info, "recordFault", RecordFault);
  }

  // The functions that run for every query and request belong to one recorder, take and give
  // numbers through its registers, and call N-API's C functions themselves. With `napi_unwrap`
  // and an argument for each number a begin and end took 303 ns where they now take 186.
  static Recorder* SelfOf(napi_env env, napi_callback_info info, napi_value* text) {
    size_t count = text == nullptr ? 0 : 1;
    void* data = nullptr;
    napi_get_cb_info(env, info, &count, text, nullptr, &data);
    return static_cast<Recorder*>(data);
  }

  void AddHot(const Napi::CallbackInfo& info, const char* name, napi_callback function) {
    Napi::Env env = info.Env();
    napi_value value = nullptr;
    if (napi_create_function(env, name, NAPI_AUTO_LENGTH, function, this, &value) != napi_ok) {
      return;
    }
    // Whoever holds the function holds the recorder.
    Napi::Function(env, value)
        .DefineProperty(Napi::PropertyDescriptor::Value("recorder", info.This(), napi_default));
    info.This().As<Napi::Object>().DefineProperty(
        Napi::PropertyDescriptor::Value(name, Napi::Value(env, value), napi_enumerable));
  }

  void Begun(const hd_begun& begun) {
    registers_[kStartNs] = begun.start_ns;
    registers_[kStatementId] = begun.statement_id;
    registers_[kResult] = begun.handle;
  }

  // (route). Result: handle.
  static napi_value BeginRequest(napi_env env, napi_callback_info info) {
    napi_value name = nullptr;
    Recorder* self = SelfOf(env, info, &name);
    self->state_->calls[kBeginRequest]++;
    Utf8 route(env, name, self->state_);
    hd_begun begun = {};
    hd_recorder_begin_request(self->recorder_, route.data(),
                              route.is_complete() ? route.bytes() : 0, &begun);
    self->Begun(begun);
    return nullptr;
  }

  // (route); inputs: handle.
  static napi_value NameRequest(napi_env env, napi_callback_info info) {
    napi_value name = nullptr;
    Recorder* self = SelfOf(env, info, &name);
    self->state_->calls[kNameRequest]++;
    Utf8 route(env, name, self->state_);
    if (!route.is_complete()) return nullptr;
    hd_recorder_name_request(self->recorder_, self->registers_[kInputs], route.data(),
                             route.bytes());
    return nullptr;
  }

  // (route); inputs: handle, startNs, durationNs, statusCode, queryCount, outcome. Result:
  // durationNs.
  static napi_value EndRequest(napi_env env, napi_callback_info info) {
    napi_value name = nullptr;
    Recorder* self = SelfOf(env, info, &name);
    self->state_->calls[kEndRequest]++;
    Utf8 route(env, name, self->state_);
    const double* in = self->registers_ + kInputs;
    hd_ended_request request = {in[1], in[2], in[3], in[4], in[5]};
    hd_recorder_end_request(self->recorder_, in[0], route.data(),
                            route.is_complete() ? route.bytes() : 0, &request,
                            &self->registers_[kResult]);
    return nullptr;
  }

  // (sql); inputs: requestHandle, poolWaitNs, standardConformingStrings. Result: handle.
  static napi_value BeginQuery(napi_env env, napi_callback_info info) {
    napi_value text = nullptr;
    Recorder* self = SelfOf(env, info, &text);
    self->state_->calls[kBeginQuery]++;
    Utf8 sql(env, text, self->state_);
    const double* in = self->registers_ + kInputs;
    hd_begun begun = {};
    if (sql.is_complete()) {
      hd_recorder_begin_query(self->recorder_, sql.data(), sql.bytes(), in[2], in[0], in[1],
                              &begun);
    } else {
      hd_recorder_begin_statement(self->recorder_, HD_OTHER_ID, in[0], in[1], &begun);
    }
    self->Begun(begun);
    return nullptr;
  }

  // BeginQuery for a text that JavaScript knows. Inputs: requestHandle, poolWaitNs, statementId.
  // Result: handle; startNs is 0 where the statement has lost its row, and nothing has begun.
  static napi_value BeginStatement(napi_env env, napi_callback_info info) {
    Recorder* self = SelfOf(env, info, nullptr);
    const double* in = self->registers_ + kInputs;
    hd_begun begun = {};
    if (hd_recorder_begin_statement(self->recorder_, in[2], in[0], in[1], &begun) == HD_OK) {
      self->state_->calls[kBeginQuery]++;
    }
    self->Begun(begun);
    return nullptr;
  }

  // Inputs: statementId, requestHandle. Result: handle.
  static napi_value BeginWait(napi_env env, napi_callback_info info) {
    Recorder* self = SelfOf(env, info, nullptr);
    self->state_->calls[kBeginWait]++;
    const double* in = self->registers_ + kInputs;
    hd_begun begun = {};
    hd_recorder_begin_wait(self->recorder_, in[0], in[1], &begun);
    self->Begun(begun);
    return nullptr;
  }

  // Inputs: handle, isTimedOut, startNs. Result: the wait in nanoseconds.
  static napi_value EndWait(napi_env env, napi_callback_info info) {
    Recorder* self = SelfOf(env, info, nullptr);
    self->state_->calls[kEndWait]++;
    const double* in = self->registers_ + kInputs;
    hd_recorder_end_wait(self->recorder_, in[0], in[1], in[2], &self->registers_[kResult]);
    return nullptr;
  }

  // Inputs: handle, outcome, rowCount. Result: durationNs.
  static napi_value EndQuery(napi_env env, napi_callback_info info) {
    Recorder* self = SelfOf(env, info, nullptr);
    self->state_->calls[kEndQuery]++;
    const double* in = self->registers_ + kInputs;
    hd_recorder_end_query(self->recorder_, in[0], in[1], in[2], &self->registers_[kResult]);
    return nullptr;
  }

  // (sql); inputs: standardConformingStrings. Result: statementId.
  static napi_value InternStatement(napi_env env, napi_callback_info info) {
    napi_value text = nullptr;
    Recorder* self = SelfOf(env, info, &text);
    self->state_->calls[kInternStatement]++;
    Utf8 sql(env, text, self->state_);
    self->registers_[kResult] = HD_OTHER_ID;
    if (sql.is_complete()) {
      hd_recorder_intern_statement(self->recorder_, sql.data(), sql.bytes(),
                                   self->registers_[kInputs], &self->registers_[kResult]);
    }
    return nullptr;
  }

  // Inputs: statementId, requestHandle, startNs, durationNs, poolWaitNs, outcome, rowCount.
  static napi_value RecordQuery(napi_env env, napi_callback_info info) {
    Recorder* self = SelfOf(env, info, nullptr);
    self->state_->calls[kRecordQuery]++;
    const double* in = self->registers_ + kInputs;
    hd_ended_query query = {in[0], in[1], in[2], in[3], in[4], in[5], in[6]};
    hd_recorder_record_query(self->recorder_, &query);
    return nullptr;
  }

  // (route); inputs: verdict, statementId, queryCount, totalNs.
  static napi_value RecordFinding(napi_env env, napi_callback_info info) {
    napi_value name = nullptr;
    Recorder* self = SelfOf(env, info, &name);
    self->state_->calls[kRecordFinding]++;
    Utf8 route(env, name, self->state_);
    const double* in = self->registers_ + kInputs;
    hd_finding finding = {in[0], in[1], in[2], in[3]};
    hd_recorder_record_finding(self->recorder_, route.data(),
                               route.is_complete() ? route.bytes() : 0, &finding);
    return nullptr;
  }

  // (name); inputs: row, total, idle, waiting, max.
  static napi_value RecordPool(napi_env env, napi_callback_info info) {
    napi_value text = nullptr;
    Recorder* self = SelfOf(env, info, &text);
    self->state_->calls[kRecordPool]++;
    Utf8 name(env, text, self->state_);
    const double* in = self->registers_ + kInputs;
    hd_pool_state pool = {in[1], in[2], in[3], in[4]};
    hd_recorder_record_pool(self->recorder_, in[0], name.data(),
                            name.is_complete() ? name.bytes() : 0, &pool);
    return nullptr;
  }

  static napi_value RecordFault(napi_env env, napi_callback_info info) {
    Recorder* self = SelfOf(env, info, nullptr);
    self->state_->calls[kRecordFault]++;
    hd_recorder_record_fault(self->recorder_);
    return nullptr;
  }

  // (firstWord, target: BigUint64Array) → whether the words lie in the arena
  Napi::Value Read(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    state_->calls[kRead]++;
    if (!info[1].IsTypedArray() ||
        info[1].As<Napi::TypedArray>().TypedArrayType() != napi_biguint64_array) {
      return Napi::Boolean::New(env, false);
    }
    Napi::BigUint64Array target = info[1].As<Napi::BigUint64Array>();
    return Napi::Boolean::New(env, hd_recorder_read(recorder_, NumberOf(env, info[0]),
                                                    target.Data(),
                                                    target.ElementLength()) == HD_OK);
  }

  AddonState* state_;
  hd_recorder* recorder_ = nullptr;
  // Null where the recorder is the segment's.
  hd_recorder* owned_ = nullptr;
  Napi::Reference<Napi::Float64Array> registers_owner_;
  double* registers_ = nullptr;
};

AddonState* StateOf(const Napi::CallbackInfo& info) {
  return info.Env().GetInstanceData<AddonState>();
}

hd_sql_options SqlOptionsOf(const Napi::CallbackInfo& info) {
  return {static_cast<uint8_t>(NumberOf(info.Env(), info[1])),
          static_cast<uint8_t>(NumberOf(info.Env(), info[2]))};
}

// Plain N-API like the recorder's hot functions: 40 ns where node-addon-api takes 56.
napi_value NowNs(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
  static_cast<AddonState*>(data)->calls[kNowNs]++;
  napi_value result = nullptr;
  napi_create_double(env, static_cast<double>(hd_clock_now_ns()), &result);
  return result;
}

Napi::Value NowNsBigInt(const Napi::CallbackInfo& info) {
  StateOf(info)->calls[kNowNsBigInt]++;
  return Napi::BigInt::New(info.Env(), hd_clock_now_ns());
}

bool IsAscii(const char* text, size_t bytes) {
  uint64_t seen = 0;
  size_t i = 0;
  for (; i + sizeof seen <= bytes; i += sizeof seen) {
    uint64_t read;
    std::memcpy(&read, text + i, sizeof read);
    seen |= read;
  }
  for (; i < bytes; i++) seen |= static_cast<unsigned char>(text[i]);
  return (seen & 0x8080808080808080) == 0;
}

// (sql, placeholders + 4 * standardConformingStrings) → 16 hex digits of the fingerprint and the
// text in one string, or undefined where there is no memory for the text. An object with both took
// twice the time of the normaliser. `listLengths` holds their number, then the lengths. Plain
// N-API, one number for both options, and no decoding of UTF-8 where the text is ASCII.
napi_value NormalizeSql(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2];
  void* data = nullptr;
  napi_get_cb_info(env, info, &count, arguments, nullptr, &data);
  AddonState* state = static_cast<AddonState*>(data);
  state->calls[kNormalizeSql]++;
  uint32_t code = 0;
  if (napi_get_value_uint32(env, arguments[1], &code) != napi_ok) code = 0;
  hd_sql_options options = {static_cast<uint8_t>(code & 3), static_cast<uint8_t>(code >> 2)};
  Utf8 sql(env, arguments[0], state);
  hd_normalized* normalized = &state->normalized;
  if (!sql.is_complete() ||
      hd_sql_normalize(sql.data(), sql.bytes(), options, normalized) != HD_OK) {
    return nullptr;
  }
  uint32_t list_count = normalized->list_lengths_count;
  state->list_lengths[0] = list_count;
  std::memcpy(state->list_lengths + 1, normalized->list_lengths, list_count * sizeof(uint32_t));
  char* answer = state->answer;
  WriteHex(normalized->fingerprint, answer);
  std::memcpy(answer + kHexDigits, normalized->text, normalized->text_bytes);
  size_t bytes = kHexDigits + normalized->text_bytes;
  napi_value result = nullptr;
  if (IsAscii(normalized->text, normalized->text_bytes)) {
    napi_create_string_latin1(env, answer, bytes, &result);
  } else {
    napi_create_string_utf8(env, answer, bytes, &result);
  }
  return result;
}

// (sql, placeholders, standardConformingStrings) → Uint32Array of start, length and kind in
// turn, or undefined where there is no memory for them.
Napi::Value ScanSql(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  StateOf(info)->calls[kScanSql]++;
  Utf8 sql(env, info[0], StateOf(info));
  hd_sql_options options = SqlOptionsOf(info);
  size_t count = 0;
  if (!sql.is_complete() ||
      hd_sql_scan(sql.data(), sql.bytes(), options, nullptr, 0, &count) != HD_OK) {
    return env.Undefined();
  }
  Napi::Uint32Array spans = Napi::Uint32Array::New(env, count * 3);
  static_assert(sizeof(hd_span) == 3 * sizeof(uint32_t), "spans are handed on as they are");
  hd_sql_scan(sql.data(), sql.bytes(), options, reinterpret_cast<hd_span*>(spans.Data()), count,
              &count);
  return spans;
}

bool CapacitiesOf(const Napi::Value& value, hd_capacities* capacities) {
  if (!value.IsTypedArray() ||
      value.As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array ||
      value.As<Napi::TypedArray>().ElementLength() != 6) {
    return false;
  }
  std::memcpy(capacities, value.As<Napi::Uint32Array>().Data(), sizeof(*capacities));
  return true;
}

hd_string StringOf(const std::string& text) { return {text.data(), text.size()}; }

Napi::String StringOf(Napi::Env env, hd_string text) {
  return Napi::String::New(env, text.bytes == 0 ? "" : text.data, text.bytes);
}

// Node runs it in the environment's own thread, after its last JavaScript and before its event
// loop is gone: when a worker ends or is terminated, and at the natural end of the process.
void LeaveSegment(void* data) {
  AddonState* state = static_cast<AddonState*>(data);
  hd_thread_leave(state->thread);
  state->thread = nullptr;
}

// (texts: [folder, appName, scriptName, runtimeVersion], mainCapacities, workerCapacities,
// numbers: BigUint64Array [generation, bootId, processStartTicks, seed, place], isMain, threadId) →
// what the thread got, or undefined where there is no memory. A second call gives the same again.
Napi::Value OpenSegment(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  AddonState* state = StateOf(info);
  state->calls[kOpenSegment]++;
  if (state->thread == nullptr) {
    hd_segment_options options = {};
    if (info.Length() != 6 || !info[0].IsArray() ||
        !CapacitiesOf(info[1], &options.main_capacities) ||
        !CapacitiesOf(info[2], &options.worker_capacities) || !info[3].IsTypedArray() ||
        info[3].As<Napi::TypedArray>().TypedArrayType() != napi_biguint64_array ||
        info[3].As<Napi::TypedArray>().ElementLength() != 5) {
      return env.Undefined();
    }
    std::string texts[4];
    for (uint32_t index = 0; index < 4; index++) {
      Napi::Value text = info[0].As<Napi::Array>().Get(index);
      if (text.IsString()) texts[index] = text.As<Napi::String>().Utf8Value();
    }
    options.folder = StringOf(texts[0]);
    options.app_name = StringOf(texts[1]);
    options.script_name = StringOf(texts[2]);
    options.runtime_version = StringOf(texts[3]);
    const uint64_t* numbers = info[3].As<Napi::BigUint64Array>().Data();
    options.generation = numbers[0];
    options.boot_id = numbers[1];
    options.process_start_ticks = numbers[2];
    options.place = numbers[4];
    uv_loop_s* loop = nullptr;
    // Bun has the functions of libuv by name, and ends the process where one is called.
    bool has_libuv = !env.Global().Has("Bun");
    if (!has_libuv || napi_get_uv_event_loop(env, &loop) != napi_ok) loop = nullptr;
    hd_thread_options thread = {numbers[3], loop,
                                static_cast<uint32_t>(NumberOf(env, info[5])),
                                info[4].IsBoolean() && info[4].As<Napi::Boolean>().Value()};
    if (hd_segment_join(&options, &thread, &state->thread) != HD_OK) return env.Undefined();
    if (napi_add_env_cleanup_hook(env, LeaveSegment, state) != napi_ok) {
      LeaveSegment(state);
      return env.Undefined();
    }
  }
  hd_thread_state joined = {};
  hd_thread_describe(state->thread, &joined);
  Napi::Object result = Napi::Object::New(env);
  result.Set("path", StringOf(env, joined.path));
  result.Set("reason", StringOf(env, joined.reason));
  result.Set("arenaIndex", Napi::Number::New(env, joined.arena_index));
  result.Set("firstWord", Napi::Number::New(env, joined.first_word));
  result.Set("watchesLoop", Napi::Boolean::New(env, joined.watches_loop != 0));
  result.Set("knowsExitCode", Napi::Boolean::New(env, joined.knows_exit_code != 0));
  return result;
}

// (firstWord, target: BigUint64Array) → whether the words lie in the segment
Napi::Value ReadSegment(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  StateOf(info)->calls[kReadSegment]++;
  if (!info[1].IsTypedArray() ||
      info[1].As<Napi::TypedArray>().TypedArrayType() != napi_biguint64_array) {
    return Napi::Boolean::New(env, false);
  }
  Napi::BigUint64Array target = info[1].As<Napi::BigUint64Array>();
  return Napi::Boolean::New(env, hd_segment_read(NumberOf(env, info[0]), target.Data(),
                                                 target.ElementLength()) == HD_OK);
}

void SetAppName(const Napi::CallbackInfo& info) {
  Utf8 name(info.Env(), info[0], StateOf(info));
  if (name.is_complete()) hd_segment_set_app_name(name.data(), name.bytes());
}

// (queryCount, totalNs)
void RecordOverhead(const Napi::CallbackInfo& info) {
  hd_thread_record_overhead(StateOf(info)->thread, NumberOf(info.Env(), info[0]),
                            NumberOf(info.Env(), info[1]));
}

void SetUnseen(const Napi::CallbackInfo& info) {
  hd_thread_set_unseen(StateOf(info)->thread,
                       static_cast<uint32_t>(NumberOf(info.Env(), info[0])));
}

void Beat(const Napi::CallbackInfo& info) { hd_thread_beat(StateOf(info)->thread); }

void SetUncaughtException(const Napi::CallbackInfo& info) {
  hd_segment_set_uncaught_exception(info[0].ToBoolean().Value() ? 1 : 0);
}

void NoteExitCode(const Napi::CallbackInfo& info) {
  hd_segment_note_exit_code(NumberOf(info.Env(), info[0]));
}

// (path) → 1 locked, 0 free, or a negated errno
Napi::Value IsLocked(const Napi::CallbackInfo& info) {
  std::string path = info[0].ToString().Utf8Value();
  return Napi::Number::New(info.Env(), hd_file_is_locked(path.c_str()));
}

// (path) → a file descriptor, or a negated errno
Napi::Value TryLock(const Napi::CallbackInfo& info) {
  std::string path = info[0].ToString().Utf8Value();
  return Napi::Number::New(info.Env(), hd_file_try_lock(path.c_str()));
}

// (path) → bytes, or a negated errno
Napi::Value PunchHoles(const Napi::CallbackInfo& info) {
  std::string path = info[0].ToString().Utf8Value();
  return Napi::Number::New(info.Env(), static_cast<double>(hd_file_punch_holes(path.c_str())));
}

Napi::Value CallCounts(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::Object counts = Napi::Object::New(env);
  for (int call = 0; call < kCallCount; call++) {
    counts.Set(kCallNames[call], Napi::Number::New(env, StateOf(info)->calls[call]));
  }
  return counts;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  AddonState* state = new (std::nothrow) AddonState();
  if (state == nullptr) {
    Napi::Error::New(env, "There is no memory for the native engine").ThrowAsJavaScriptException();
    return exports;
  }
  env.SetInstanceData(state);
  exports.Set("abiVersion", Napi::Number::New(env, hd_abi_version()));
  napi_value now_ns = nullptr;
  napi_value normalize_sql = nullptr;
  if (napi_create_function(env, "nowNs", NAPI_AUTO_LENGTH, NowNs, state, &now_ns) != napi_ok ||
      napi_create_function(env, "normalizeSql", NAPI_AUTO_LENGTH, NormalizeSql, state,
                           &normalize_sql) != napi_ok) {
    return exports;
  }
  exports.Set("nowNs", Napi::Value(env, now_ns));
  exports.Set("nowNsBigInt", Napi::Function::New<NowNsBigInt>(env, "nowNsBigInt"));
  Napi::Uint32Array list_lengths = Napi::Uint32Array::New(env, 1 + HD_LIST_LENGTHS_MAX);
  state->list_lengths = list_lengths.Data();
  state->list_lengths_owner = Napi::Persistent(list_lengths);
  exports.Set("listLengths", list_lengths);
  exports.Set("normalizeSql", Napi::Value(env, normalize_sql));
  exports.Set("scanSql", Napi::Function::New<ScanSql>(env, "scanSql"));
  exports.Set("callCounts", Napi::Function::New<CallCounts>(env, "callCounts"));
  exports.Set("Recorder", Recorder::Define(env));
  exports.Set("openSegment", Napi::Function::New<OpenSegment>(env, "openSegment"));
  exports.Set("readSegment", Napi::Function::New<ReadSegment>(env, "readSegment"));
  exports.Set("setAppName", Napi::Function::New<SetAppName>(env, "setAppName"));
  exports.Set("recordOverhead", Napi::Function::New<RecordOverhead>(env, "recordOverhead"));
  exports.Set("setUnseen", Napi::Function::New<SetUnseen>(env, "setUnseen"));
  exports.Set("beat", Napi::Function::New<Beat>(env, "beat"));
  exports.Set("setUncaughtException",
              Napi::Function::New<SetUncaughtException>(env, "setUncaughtException"));
  exports.Set("noteExitCode", Napi::Function::New<NoteExitCode>(env, "noteExitCode"));
  exports.Set("isLocked", Napi::Function::New<IsLocked>(env, "isLocked"));
  exports.Set("tryLock", Napi::Function::New<TryLock>(env, "tryLock"));
  exports.Set("punchHoles", Napi::Function::New<PunchHoles>(env, "punchHoles"));
  return exports;
}

}  // namespace

NODE_API_MODULE(hyperdjango, Init)
