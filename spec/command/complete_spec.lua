-- SPDX-License-Identifier: MIT
--
-- `complete LINE`: what could stand in place of the last word of a line.
local hosts = require "spec.support.host"
local json = require "dkjson"
local tasks = require "spec.support.tasks"

local SCRIPT <const> = [[
  local function sleep() taskpool.sleep(3600) end
  local jobs = taskpool.TaskPool { name = "jobs" }
  jobs:apply(sleep, { num = 2, group_name = "nightly" })
  jobs:apply(sleep, { group_name = "two words" })
  taskpool.SimpleTaskPool(sleep, { name = "simple" })
  package.path = directory .. "/?.lua;" .. package.path
  require "jobs.fetch"
  taskpool.sleep(0)
]]

local MODULES <const> = {
  ["jobs/fetch.lua"] = [[
    local fetch = { limit = 3 }
    function fetch.page(url, depth) return url, depth end
    function fetch.pages(...) return ... end
    fetch.open = io.open
    return fetch
  ]],
  ["jobs/later.lua"] = "return { run = function() end }",
}

describe("complete", function()
  local host, wire

  setup(function()
    host = hosts.start(SCRIPT, MODULES)
  end)

  teardown(function()
    host:close()
  end)

  before_each(function()
    wire = host:greet '{"reply": "json"}'
  end)

  after_each(function()
    wire:close()
  end)

  ---The candidates for the end of a line, and their help.
  local function complete(line)
    local answer = json.decode(wire:ask("complete " .. line))
    assert.is_true(answer.ok, answer.message)
    local words, help = {}, {}
    for index, row in ipairs(answer.value) do
      words[index], help[row.word] = row.word, row.help
      assert.matches("%S", row.help, row.word)
      assert.is_nil(row.help:find "\n", row.word)
    end
    return words, help
  end

  it("takes the line as one word of JSON, too", function()
    local answer = json.decode(wire:ask(json.encode { "complete", "nonsense; num-run" }))
    assert.are.same({}, answer.value)
    answer = json.decode(wire:ask(json.encode { "complete", "--pool jobs num-run" }))
    assert.are.equal("num-running", answer.value[1].word)
    answer = json.decode(wire:ask(json.encode { "complete", "apply jobs.later.run --nu" }))
    assert.are.equal("--num", answer.value[1].word)
  end)

  ---The same as one text.
  local function words_of(line)
    return table.concat(complete(line), " ")
  end

  it("knows the commands of the session's pool and of the session", function()
    local _, help = complete ""
    assert.are.equal("Call a function once for each element, in tasks of one group.", help.map)
    assert.truthy(help.use and help["pool-size"] and help.complete)
    assert.is_nil(help.start)
    assert.are.equal("get-group-ids", words_of "get")
    assert.are.equal("get-group-ids", words_of "get_g")
    assert.are.equal("pause paused", words_of "pa")
    assert.are.equal("", words_of "nothing-of-this")
  end)

  it("knows pools, after `use` and `--pool`", function()
    assert.are.equal("TaskPool-jobs SimpleTaskPool-simple", words_of "use ")
    assert.are.equal("jobs", words_of "use jo")
    assert.are.equal("SimpleTaskPool-simple", words_of "--pool Sim")
    assert.are.equal("--pool=SimpleTaskPool-simple", words_of "--pool=Sim")
    assert.are.equal("--pool", words_of "--")
    assert.are.equal("start stop stop-all", words_of("--pool simple st"):gsub(" status", ""))
  end)

  it("knows groups and tasks", function()
    assert.are.equal('nightly "two words"', words_of "cancel-group ")
    assert.are.equal("nightly", words_of "get-group-ids night")
    assert.are.equal('"two words"', words_of 'get-group-ids "tw')
    assert.are.equal('nightly "two words"', words_of "get-group-ids nightly ")
    assert.are.equal("--group=nightly", words_of "tasks --group=n")
    assert.are.equal("-gnightly", words_of "tasks -gn")
    assert.are.equal("nightly", words_of "tasks -g n")
    assert.are.equal('nightly "two words" 0 1 2', words_of "cancel ")
    local words, help = complete "traceback "
    assert.are.same({ "0", "1", "2" }, words)
    assert.are.equal("nightly", help["0"])
    assert.are.equal("2", words_of "task 2")
  end)

  it("knows functions, and modules", function()
    local words, help = complete "map jobs."
    assert.are.same({ "jobs.fetch.page", "jobs.fetch.pages", "jobs.later." }, (function()
      table.sort(words)
      return words
    end)())
    assert.are.equal("(url, depth)", help["jobs.fetch.page"])
    assert.are.equal("(...)", help["jobs.fetch.pages"])
    assert.are.equal("", words_of "map io.")
    assert.are.equal("", words_of "map host.")
    assert.are.equal("", words_of "map package.loaded.")
    assert.are.equal("jobs.fetch jobs.later", words_of "reload jobs")
    assert.are.equal("jobs.later.", words_of "map jobs.fetch.page jobs.l")
  end)

  it("knows options that are not given yet, and choices", function()
    assert.are.equal("--group --state --sort --limit", words_of "tasks -")
    assert.are.equal("--state --sort --limit", words_of "tasks -g nightly --")
    assert.are.equal("--sort --limit", words_of "tasks -gnightly --state running -")
    assert.are.equal("--state --sort --limit", words_of "tasks --group=nightly ")
    assert.are.equal("running", words_of "tasks --state r")
    assert.are.equal("coroutine thread", words_of "submit jobs.fetch.page -x ")
    assert.are.equal("--return-exceptions", words_of "flush ")
    assert.are.equal("", words_of "flush --return-exceptions ")
    assert.are.equal("", words_of "get-group-ids -- --")
  end)

  it("takes any line", function()
    for _, line in ipairs { "map ['a b", "map 'x y", "use use use use ", "-h", "complete ma", "x -", "flush -", "\\",
      "map " .. ("x"):rep(5000), "--pool", "--pool ", "--pool=", "tasks -g", "tasks --group=", "-", "map -- -" } do
      local answer = json.decode(wire:ask("complete " .. line))
      assert.is_boolean(answer.ok, line)
    end
    assert.matches("^usage: complete", json.decode(wire:ask "complete -h").value)
  end)

  it("shows a table in text", function()
    local text <close> = host:greet()
    assert.matches("^word +help$", text:ask "complete pau")
    assert.matches("^pause +Take no new work", text:line())
  end)
end)

describe("complete, in a pool with very many groups,", function()
  it("answers with 200 of them, and lets other clients in", function()
    local count <const> = tasks.scaled(200000)
    local host <close> = hosts.start(([[
      local pool = taskpool.TaskPool { size = 1 }
      local function sleep() taskpool.sleep(3600) end
      for i = 1, %d do pool:apply(sleep, { group_name = "group-" .. i }) end
    ]]):format(count))
    local wire <close> = host:greet '{"reply": "json"}'
    local other <close> = host:greet()
    assert.are.equal(200, #json.decode(wire:ask "complete cancel-group ").value)
    wire:push("complete cancel-group zzz\n")
    local answers = 0
    repeat
      other:ask "num-running"
      answers = answers + 1
    until wire.data ~= ""
    assert.is_true(answers > (count < 200000 and 0 or 3), answers)
    assert.are.same({}, json.decode(wire:line()).value)
    assert.are.equal(1, #json.decode(wire:ask("complete cancel-group group-" .. count)).value)
  end)
end)
