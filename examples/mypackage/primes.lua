-- SPDX-License-Identifier: MIT
-- Work for tasks that compute: see examples/primes.lua.
local primes = {}

local function is_prime(number)
  for divisor = 2, math.floor(number ^ 0.5) do
    if number % divisor == 0 then
      return false
    end
  end
  return number > 1
end

---How many primes there are from `first` to `last`.
function primes.count(first, last)
  local count = 0
  for number = first, last do
    if is_prime(number) then
      count = count + 1
    end
  end
  return count
end

return primes
