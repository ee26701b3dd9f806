-- SPDX-License-Identifier: MIT
--
-- What the scripts for developers say of themselves, before they install, build or run anything.
local program = require "spec.support.program"

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

describe("scripts of somebody who may not install packages", function()
  local directory

  ---A system without any of the packages: `apt-get` would only say that it was called.
  local FAKES <const> = {
    id = "echo 1000",
    ["dpkg-query"] = "exit 1",
    ["apt-cache"] = "echo '  Candidate: 1:14.0-55'",
    ["apt-get"] = "echo called >&2",
  }

  setup(function()
    directory = program.make_directory()
    for name, text in pairs(FAKES) do
      program.write_file(directory .. "/" .. name, "#!/bin/sh\n" .. text .. "\n")
    end
    os.execute(("cd %s && chmod +x * && for c in sh sed dirname cut; do ln -s $(command -v $c) $c; done")
      :format(directory))
  end)

  teardown(function()
    program.remove_directory(directory)
  end)

  local needing = outcome "grep -d skip -l '^ *need \\|build_fuzz' scripts/*"
  for name in needing:gmatch "scripts/(%w+)" do
    it(("%s names the one command that is missing"):format(name), function()
      local text, status = outcome(("PATH=%s scripts/%s"):format(directory, name))
      assert.are.equal(1, status)
      assert.are.equal(("scripts/%s: packages are missing, and only an administrator can install them. Ask for:\n")
        :format(name), text:match "^.-\n")
      assert.matches("^apt%-get install %-%-no%-install%-recommends gcc [%w .+-]+\n$", text:match "\n(.*)$")
      if name == "test" then
        assert.is_truthy(text:find(" clang libclang-rt-14-dev\n", 1, true))
      end
    end)
  end
end)
