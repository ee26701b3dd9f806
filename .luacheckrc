-- What luacheck holds the Lua files to.
std = "lua54"
max_line_length = 120
exclude_files = {"build*"}
ignore = {"211/_.*"} -- a local that is only closed: local _permit <close> = …
files["spec/*/*_spec.lua"] = {std = "lua54+busted"}
files["spec/faults/*.lua"] = {read_globals = {"arm", "check", "client", "failing", "socket_path", "start_limited", "use_header",
  "calls_are_done"}}

-- Scripts that run in a Redis server. What common.lua defines is there for all of them.
local server = {"redis", "struct", "KEYS", "ARGV"}
files["src/engine/redis/common.lua"] = {std = "lua51", read_globals = {"redis", "struct", "KEYS"}, ignore = {"211"}}
files["src/engine/redis/*.lua"] = {std = "lua51", read_globals = server}
for line in io.lines("src/engine/redis/common.lua") do
  local names = line:match("^local function ([%w_]+)") or line:match("^local ([%w_, ]+) =") or ""
  for name in names:gmatch("[%w_]+") do server[#server + 1] = name end
end
