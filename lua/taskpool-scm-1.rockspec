-- SPDX-License-Identifier: MIT
--
-- The module for stock Lua as a rock, from a checkout: luarocks make lua/taskpool-scm-1.rockspec
--
-- The libraries come from the system: libuv, luv, jansson (docs/install.md). The rock `luv` is not needed; it has no
-- library that another module can be linked with.
rockspec_format = "3.0"
package = "taskpool"
version = "scm-1"
source = {
  url = "git+file://.", -- `luarocks make` fetches nothing
}
description = {
  summary = "A host for pools of tasks",
  detailed = "Runs Lua functions concurrently, in pools that people and programs can look at and steer.",
  license = "MIT",
}
supported_platforms = { "linux" }
dependencies = { "lua ~> 5.4" }
build = {
  type = "command",
  build_command = "cmake -S . -B build-rock -DBUILD_TESTING=OFF -DTP_INSTALL_LMOD=$(LUADIR) -DTP_INSTALL_CMOD=$(LIBDIR)"
    .. " && cmake --build build-rock --target module",
  install_command = "cmake --install build-rock --component lua",
}
