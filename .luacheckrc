-- What luacheck holds the Lua files to.
std = "lua54"
max_line_length = 120
exclude_files = {"build*"}
ignore = {"211/_.*"} -- a local that is only closed: local _permit <close> = …
files["spec/*/*_spec.lua"] = {std = "lua54+busted"}
files["spec/faults/*.lua"] = {read_globals = {"arm", "check", "client", "failing", "socket_path", "start_limited", "use_header",
  "calls_are_done"}}
