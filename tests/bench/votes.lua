-- Votes for wrk: each request a new reader with a random idempotency key.
--
-- BENCH_WARMUP and BENCH_SECONDS say when votes are counted as measured. Afterwards the connections ask for
-- /healthz, so that every vote that was sent is also answered before wrk hangs up.

local ffi = require("ffi")
ffi.cdef [[
typedef struct { long seconds; long nanoseconds; } bench_time;
int clock_gettime(int clock, bench_time *time);
]]

local MONOTONIC = 1
local LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
local moment = ffi.new("bench_time")
local random, byte, char = math.random, string.byte, string.char
local threads = {}
local begin, finish

local function now()
  ffi.C.clock_gettime(MONOTONIC, moment)
  return tonumber(moment.seconds) + tonumber(moment.nanoseconds) / 1e9
end

local function letter()
  return byte(LETTERS, random(64))
end

local function key() -- 22 characters of base64url: 132 bits
  return char(
    letter(), letter(), letter(), letter(), letter(), letter(), letter(), letter(), letter(), letter(), letter(),
    letter(), letter(), letter(), letter(), letter(), letter(), letter(), letter(), letter(), letter(), letter())
end

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  local file = assert(io.open("/dev/urandom", "rb"))
  local seed = 0
  for _, value in ipairs({ byte(file:read(6), 1, 6) }) do seed = seed * 256 + value end
  file:close()
  math.randomseed(seed)

  created, measured, others = 0, 0, ""
  begin = now() + tonumber(os.getenv("BENCH_WARMUP"))
  finish = begin + tonumber(os.getenv("BENCH_SECONDS"))
  local article = os.getenv("BENCH_ARTICLE")
  local headers = { ["Content-Type"] = "text/plain;charset=UTF-8", ["Origin"] = os.getenv("BENCH_ORIGIN") }
  head, middle, tail = '{"selection":[', '],"article":"' .. article .. '","idempotency_key":"', '"}'
  vote_headers = headers
  healthz = wrk.format("GET", "/healthz")
end

function request()
  if now() >= finish then return healthz end
  return wrk.format("POST", nil, vote_headers, head .. random(3) .. middle .. key() .. tail)
end

function response(status)
  if status == 201 then
    created = created + 1
    local time = now()
    if time >= begin and time < finish then measured = measured + 1 end
  elseif status ~= 200 or now() < finish then
    if #others < 200 then others = others .. status .. " " end
  end
end

function done(summary)
  local all_created, all_measured, all_others = 0, 0, ""
  for _, thread in ipairs(threads) do
    all_created = all_created + thread:get("created")
    all_measured = all_measured + thread:get("measured")
    all_others = all_others .. thread:get("others")
  end
  local errors = summary.errors
  io.write(string.format('{"created": %d, "measured": %d, "others": "%s", "broken": %d}\n',
    all_created, all_measured, all_others, errors.connect + errors.read + errors.write + errors.timeout))
end
