-- SPDX-License-Identifier: MIT
--
-- Worker functions that specs run in threads, as "spec.support.remote.echo".
local taskpool = require "taskpool"
local uv = require "luv"

local remote = {}

---Returns what it gets.
function remote.echo(...)
  return ...
end

---What it got, as text: for an owner that cannot see it.
function remote.describe(...)
  local words = {}
  for index = 1, select("#", ...) do
    local value = select(index, ...)
    words[index] = ("%s %s"):format(math.type(value) or type(value), tostring(value))
  end
  return table.concat(words, ", ")
end

function remote.subtract(minuend, subtrahend)
  return minuend - subtrahend
end

---Waits, as tasks do.
function remote.sleep(seconds, ...)
  taskpool.sleep(seconds)
  return ...
end

---Makes the file `path`, to tell that the task has begun, then goes on as another one of these.
function remote.begin(path, name, ...)
  assert(io.open(path, "w")):close()
  return remote[name](...)
end

---Writes to the log.
function remote.warn(text)
  taskpool.log.warning(text)
end

---Never waits.
function remote.spin(count)
  local sum = 0
  for i = 1, count do
    sum = sum + i % 7
  end
  return sum
end

function remote.loop()
  while true do
  end
end

---Catches all that can be caught, for ever.
function remote.swallow()
  while true do
    pcall(taskpool.sleep, 1000)
  end
end

---Blocks in C code, where nothing reaches it.
function remote.block(seconds)
  uv.sleep(seconds * 1000 // 1 | 0)
end

---The same until somebody opens the named pipe `path` for writing.
function remote.block_on(path)
  io.open(path):close()
end

---The same after a wait.
function remote.sleep_and_block_on(seconds, path)
  taskpool.sleep(seconds)
  remote.block_on(path)
end

---Raises `value`.
function remote.fail(value)
  error(value, 0)
end

---Fails before that try, which it returns.
function remote.succeed_at(try)
  if taskpool.tries() < try then
    error("not yet", 0)
  end
  return taskpool.tries()
end

---What a task is told of itself there.
function remote.tell_task()
  return taskpool.task()
end

---Fails in a way that no other try can mend.
function remote.refuse(message)
  error(taskpool.no_retry(message), 0)
end

---Raises a string, from a line of its own.
function remote.fail_here()
  error "failed here"
end

---Ends in spite of its cancel.
function remote.ignore_cancel(seconds)
  local ok = taskpool.catch_cancel(taskpool.sleep, seconds)
  return ok
end

---Returns the error that its cancel raised.
function remote.last_words(seconds)
  local _, err = taskpool.catch_cancel(taskpool.sleep, seconds)
  return err
end

function remote.log(level, message)
  taskpool.log[level](message)
end

local count = 0

---How often it was called in this thread.
function remote.count()
  count = count + 1
  return count
end

---What cannot be sent back.
function remote.unsendable(kind)
  if kind == "error" then
    error(setmetatable({ print }, {
      __tostring = function()
        return "an error of its own"
      end,
    }))
  end
  return 1, { fine = true, deep = { print } }
end

---Which thread this is: an address that differs between them.
function remote.identity()
  return tostring(remote)
end

---The same, after so much time of the processor.
function remote.identity_after(milliseconds)
  local until_when = os.clock() + milliseconds / 1000
  while os.clock() < until_when do
  end
  return tostring(remote)
end

return remote
