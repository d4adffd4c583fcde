-- The rule of booking.py for a limit whose state is in Redis. What it means is explained there; a test drives both
-- through the same steps.
--
-- KEYS: state (hash), slots (sorted set of leases by expiry), users (hash)
-- ARGV: operation, now ("" for the server's clock), declared rpm, tpm, concurrency, then what the operation takes
-- Returns the state's fields, the time, and what the operation gives.

local TOLERANCE, PATIENCE, SLACK, CUT, CUT_EVERY, GROWTH, LEAST = <TOLERANCE>, <PATIENCE>, <SLACK>, <CUT>, <CUT_EVERY>, <GROWTH>, <LEAST>
local LONGEST_PAUSE, CLOCK_JUMP = <LONGEST_PAUSE>, <CLOCK_JUMP>
local KEEP = 86400000 -- milliseconds that a limit nobody uses is kept
local FIELDS = {'serial', 'wrote', 'at', 'requests', 'tokens', 'pause', 'frozen', 'factor', 'eased', 'rpm', 'tpm', 'concurrency'}
local DEFAULTS = {0, 0, 0, 0, 0, 0, 0, 1, -1e9, ARGV[3], ARGV[4], ARGV[5]}

local operation, now = ARGV[1], tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) + tonumber(time[2]) / 1e6
end

local function number(index)
  local text = ARGV[index]
  if text == 'inf' then return math.huge end
  return tonumber(text)
end

local function text(value)
  return string.format('%.17g', value)
end

local s, stored = {}, redis.call('HMGET', KEYS[1], unpack(FIELDS))
for i, field in ipairs(FIELDS) do
  s[field] = tonumber(stored[i] or DEFAULTS[i])
end
local declared = stored[1] and {s.rpm, s.tpm, s.concurrency}

local back = s.wrote - now
if back >= CLOCK_JUMP then
  for _, field in ipairs({'at', 'requests', 'tokens', 'pause', 'eased'}) do s[field] = s[field] - back end
end

local function credit(at, paid)
  if at > paid then return at - paid end
  return 0
end

local function kept(at, paid, waited)
  local gained = credit(at, paid)
  return math.max(gained, math.min(PATIENCE, gained + waited))
end

local function share()
  if s.factor >= 1 then return 1 end
  return math.min(1, s.factor + GROWTH * math.max(0, now - s.eased))
end

local function seconds(units, rate, part)
  if rate == 0 then return 0 end
  return 60 * units / (rate * part)
end

local function book(requests, tokens, late, within)
  local due, part = now - math.min(late, SLACK), share()
  local request_seconds, token_seconds = seconds(requests, s.rpm, part), seconds(tokens, s.tpm, part)
  local ready = math.max(due, s.pause, s.at)
  local start = ready
  if request_seconds > 0 then start = math.max(start, s.requests) end
  if token_seconds > 0 then start = math.max(start, s.tokens) end
  local wait = math.max(0, start - now)
  if wait > within then return {text(wait)} end
  local paid_requests = math.max(s.requests, start - kept(s.at, s.requests, start - ready)) + request_seconds
  local paid_tokens = math.max(s.tokens, start - kept(s.at, s.tokens, start - ready)) + token_seconds
  local booking = {start, wait, s.serial + 1, s.frozen, request_seconds, token_seconds,
    start - s.at, paid_requests - s.requests, paid_tokens - s.tokens}
  s.serial, s.at, s.requests, s.tokens = s.serial + 1, start, paid_requests, paid_tokens
  for i, value in ipairs(booking) do booking[i] = text(value) end
  return booking
end

local function settle(request_seconds, token_seconds)
  local at = math.max(s.at, now - SLACK)
  local requests = math.max(s.requests, at - credit(s.at, s.requests))
  local tokens = math.max(s.tokens, at - credit(s.at, s.tokens))
  if request_seconds ~= 0 then requests = math.max(requests - request_seconds, at - TOLERANCE) end
  if token_seconds ~= 0 then tokens = math.max(tokens - token_seconds, at - TOLERANCE) end
  s.at, s.requests, s.tokens = at, requests, tokens
end

local function undo(serial, at, requests, tokens, token_seconds)
  if s.serial ~= serial then return settle(0, token_seconds) end
  s.serial, s.at, s.requests, s.tokens = s.serial - 1, s.at - at, s.requests - requests, s.tokens - tokens
end

local function heed(pause, cutting, started)
  if cutting == 1 and now - s.eased >= CUT_EVERY and (started or now) >= s.eased then
    s.factor, s.eased = math.max(LEAST, CUT * share()), now
  end
  local begin = math.max(now, s.pause)
  local extra = now + math.min(pause, LONGEST_PAUSE) - begin
  if pause <= 0 or extra <= 0 then return end
  local at = math.max(s.at, begin)
  local requests = math.max(s.requests, at - credit(s.at, s.requests)) + extra
  local tokens = math.max(s.tokens, at - credit(s.at, s.tokens)) + extra
  s.at, s.requests, s.tokens, s.pause, s.frozen = at + extra, requests, tokens, begin + extra, s.frozen + extra
end

local given = {}
if operation == 'book' then
  given = book(number(6), number(7), number(8), number(9))
  local wait = tonumber(given[2] or given[1])
  redis.call('HSET', KEYS[3], ARGV[10], ARGV[11] .. ' ' .. text(now + wait + 5))
elseif operation == 'undo' then
  undo(number(6), number(7), number(8), number(9), number(10))
elseif operation == 'settle' then
  settle(number(6), number(7))
elseif operation == 'heed' then
  heed(number(6), number(7), number(8))
elseif operation == 'ease' then
  s.factor, s.pause = 1, 0
elseif operation == 'declare' then
  if declared then given = {text(declared[1]), text(declared[2]), text(declared[3])} end
  s.rpm, s.tpm, s.concurrency = number(3), number(4), number(5)
elseif operation == 'take' then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(now))
  if redis.call('ZCARD', KEYS[2]) < number(6) then
    redis.call('ZADD', KEYS[2], text(now + number(8)), ARGV[7])
    given = {'1'}
  end
elseif operation == 'renew' then
  for i = 7, #ARGV do redis.call('ZADD', KEYS[2], 'XX', text(now + number(6)), ARGV[i]) end
elseif operation == 'free' then
  for i = 6, #ARGV do redis.call('ZREM', KEYS[2], ARGV[i]) end
elseif operation == 'running' then
  given = {tostring(redis.call('ZCOUNT', KEYS[2], text(now), '+inf'))}
elseif operation == 'users' then
  local rows = redis.call('HGETALL', KEYS[3])
  for i = 1, #rows, 2 do
    local waiting, till = string.match(rows[i + 1], '(%S+) (%S+)')
    if tonumber(till) < now then
      redis.call('HDEL', KEYS[3], rows[i])
    else
      table.insert(given, rows[i])
      table.insert(given, waiting)
    end
  end
end

local state = {}
for i, field in ipairs(FIELDS) do state[i] = text(s[field]) end
if operation == 'book' or operation == 'undo' or operation == 'settle' or operation == 'heed' or operation == 'ease'
  or operation == 'declare' then
  s.wrote = now
  state[2] = text(now)
  local fields = {}
  for i, field in ipairs(FIELDS) do
    table.insert(fields, field)
    table.insert(fields, state[i])
  end
  redis.call('HSET', KEYS[1], unpack(fields))
end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, KEEP) end
return {state, text(now), given}
