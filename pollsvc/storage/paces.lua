-- Which of a batch of votes count, by the generic cell rate algorithm (ITU-T I.371, GCRA), for all at once.
--
-- KEYS: one for each network in a poll or site. A value is two doubles, little-endian: when that network
-- has nothing to wait for in the calm pace and in that of proofs, in Unix ms. ARGV[1], JSON: {"tiers": [[calm, proven], …], "votes": [vote, …]}; a tier is four
-- paces [burst, ms], and a vote [tiers, voter, proof, key, key, key, key]: indexes from 1, a number that only
-- votes of one voter share, and 1 for a good proof, 0 for none yet, -1 where there can be none.
--
-- Returns a text, for each vote its verdict (0 counted, 1 to be proven, 2 held for its pace, 3 held unproven, 4 its
-- voter has a ballot by now) and how full the pace of proofs is, in thousandths.

local min, max = math.min, math.max
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local asked = cjson.decode(ARGV[1])
local due, moved, done, answer = {}, {}, {}, {}

for place, value in ipairs(redis.call('MGET', unpack(KEYS))) do
  due[place] = value and #value == 16 and { struct.unpack('<dd', value) } or { 0, 0 }
end

-- when this key has nothing to wait for; never further off than all of its burst, should the clock have been set
-- back or the pace have been a slower one
local function due_of(key, row, pace)
  local latest = now + pace[1] * pace[2]
  if due[key][row] > latest then
    due[key][row], moved[key] = latest, true
  end
  return max(due[key][row], now)
end

local function fill(vote, tier, row)
  local most = 0
  for place = 1, 4 do
    local pace = tier[place]
    most = max(most, (due_of(vote[place + 3], row, pace) - now + pace[2]) / (pace[1] * pace[2]))
  end
  return most
end

local function charge(vote, tier, row)
  done[vote[2]] = true
  for place = 1, 4 do
    local key, pace = vote[place + 3], tier[place]
    due[key][row] = due_of(key, row, pace) + pace[2]
    moved[key] = true
  end
end

local function judge(vote)
  if done[vote[2]] then
    return 4
  end
  local calm, proven = unpack(asked.tiers[vote[1]])
  if fill(vote, calm, 1) <= 1 then
    charge(vote, calm, 1)
    return 0
  end
  if fill(vote, proven, 2) > 1 then
    done[vote[2]] = true
    return 2
  end
  if vote[3] == 0 then
    return 1
  end
  if vote[3] < 0 then
    done[vote[2]] = true
    return 3
  end
  charge(vote, proven, 2)
  return 0
end

for _, vote in ipairs(asked.votes) do
  local verdict = judge(vote)
  local effort = verdict == 1 and fill(vote, asked.tiers[vote[1]][2], 2) or 0
  answer[#answer + 1] = verdict
  answer[#answer + 1] = math.floor(min(effort, 1) * 1000)
end

for key in pairs(moved) do
  local calm, proven = due[key][1], due[key][2]
  local left = max(1, math.ceil(max(calm, proven) - now))
  redis.call('SET', KEYS[key], struct.pack('<dd', calm, proven), 'PX', left)
end
return table.concat(answer, ' ')
