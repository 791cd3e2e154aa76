/**
 * Each service has a sorted set of ids and a hash of their data. The score of an id is its expiry on the
 * server's clock, in ms. Both keys are in the same slot of a cluster. Each service also has a channel, and a
 * message on it means "read again". Keys with a TTL and keyspace notifications are no alternative: such
 * notifications are off by default, late, local to one node of a cluster, and lost while disconnected.
 *
 * KEYS: the set, the hash.
 */
const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`

/** Returns the ms until the next instance expires (-1: never), then each id and its data. */
export const LIST: string = `${NOW}
local answer = {-1}
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf', 'WITHSCORES')
if #ids > 0 then answer[1] = math.max(math.ceil(ids[2] - now), 1) end
for i = 1, #ids, 2 do
  answer[#answer + 1] = ids[i]
  answer[#answer + 1] = redis.call('HGET', KEYS[2], ids[i]) or ''
end
return answer`

/** Removes expired instances. The keys of a service without instances disappear. */
const REMOVE_EXPIRED = `
local gone = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1000)
for _, id in ipairs(gone) do
  redis.call('ZREM', KEYS[1], id)
  redis.call('HDEL', KEYS[2], id)
end
`

const EXTEND = `
local ttl = tonumber(ARGV[3])
redis.call('ZADD', KEYS[1], now + ttl, ARGV[1])
for _, key in ipairs(KEYS) do
  if redis.call('PTTL', key) < ttl then redis.call('PEXPIRE', key, ttl) end
end
`

/** ARGV: id, data, ttl, channel. */
export const REGISTER: string = `${NOW}${REMOVE_EXPIRED}
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
${EXTEND}
redis.call('PUBLISH', ARGV[4], ARGV[1])
return 1`

/** ARGV as for REGISTER. Returns 0 when the registration has expired, or another process has replaced it. */
export const RENEW: string = `${NOW}${REMOVE_EXPIRED}
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
${EXTEND}
if #gone > 0 then redis.call('PUBLISH', ARGV[4], ARGV[1]) end
return 1`

/** ARGV as for REGISTER. Does not remove a newer registration of the same id. */
export const RELEASE: string = `
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('PUBLISH', ARGV[4], ARGV[1])
return 1`
