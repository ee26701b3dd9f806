-- SPDX-License-Identifier: MIT
-- Functions and arguments for control commands:
--
--     > map mypackage.mymodule.worker ['x','y','z'] -n 3
--     > map mypackage.mymodule.worker mypackage.mymodule.items -n 3
--     > map mypackage.mymodule.worker mypackage.mymodule.countdown -n 3
--     > apply mypackage.mymodule.repeat_text -k {text = 'hi', times = 3} -n 2
--     > starmap mypackage.mymodule.add [[1, 2], [3, 4]]
--     > apply mypackage.mymodule.fail -a ['on purpose']
local taskpool = require "taskpool"

local mymodule = {}

---Items to work on.
mymodule.items = { "apple", "pear", "plum", "fig", "quince" }

---Takes a second for an item.
function mymodule.worker(item)
  taskpool.sleep(1)
  print("worked on", item)
  return item
end

---Makes an iterator over 10, 9, ... 1. A number comes every half second.
function mymodule.countdown()
  local number = 11
  return function()
    taskpool.sleep(0.5)
    number = number - 1
    return number > 0 and number or nil
  end
end

---Takes a second for each time.
function mymodule.repeat_text(text, times)
  for _ = 1, times do
    taskpool.sleep(1)
    print(text)
  end
end

---Ends at once.
function mymodule.add(a, b)
  print(("%s + %s = %s"):format(a, b, a + b))
  return a + b
end

---Raises an error after a second.
function mymodule.fail(message)
  taskpool.sleep(1)
  error(message)
end

---Never ends by itself.
function mymodule.forever()
  while true do
    taskpool.sleep(1)
  end
end

---Computes for ever, and never waits.
function mymodule.spin()
  local count = 0
  while true do count = count + 1 end
end

---For -e and -c: tells which task has ended, and how.
function mymodule.report(id, ok, ...)
  print("task", id, ok and "ended well" or "failed", ...)
end

return mymodule
