-- SPDX-License-Identifier: MIT
--
-- What the scripts for developers say of themselves, before they install, build or run anything.

---What a command prints, errors too, and its exit status.
local function outcome(command)
  local pipe = assert(io.popen(command .. " 2>&1 </dev/null"))
  local text = pipe:read "a"
  return text, select(3, pipe:close())
end

describe("scripts", function()
  for name in assert(io.popen "cd scripts && find . -maxdepth 1 -type f"):read("a"):gmatch "%./(%w+)" do
    it(("%s shows its head with --help"):format(name), function()
      local text, status = outcome(("scripts/%s --help"):format(name))
      assert.are.equal(0, status)
      assert.is_truthy(text:find("scripts/" .. name, 1, true))
      assert.is_nil(("\n" .. text):find "\n#")
    end)

    -- scripts/test hands to ctest what it is given, scripts/env runs it
    if name ~= "test" and name ~= "env" then
      it(("%s refuses what it does not know"):format(name), function()
        local text, status = outcome(("scripts/%s --nonsense"):format(name))
        assert.are.equal(2, status)
        assert.is_truthy(text:find("unknown argument '--nonsense'; scripts/" .. name .. " --help", 1, true))
      end)
    end
  end
end)
