-- SPDX-License-Identifier: MIT
--
-- Writes what Debian packages say of a project, from the files of the project:
--
--     lua5.4 scripts/lib/debian.lua changelog VERSION MAINTAINER DATE     the newest section of CHANGELOG.md
--     lua5.4 scripts/lib/debian.lua copyright                             LICENSE
local WIDTH <const> = 78

---Words of a text, laid out in lines that begin with `first`, the others with as many blanks.
local function wrap(text, first)
  local lines, line = {}, first
  for word in text:gmatch "%S+" do
    if #line + 1 + #word > WIDTH then
      lines[#lines + 1] = line
      line = (" "):rep(#first)
    end
    line = line .. " " .. word
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n")
end

---The entries below the first heading of the changelog: paragraphs, and items of lists.
local function newest_changes()
  local entries, is_open, sections = {}, false, 0
  for line in io.lines "CHANGELOG.md" do
    sections = sections + (line:find "^## " and 1 or 0)
    local item = line:match "^%- (.*)$"
    if sections == 1 and not line:find "^## " and line ~= "" then
      if item or not is_open then
        entries[#entries + 1] = item or line
      else
        entries[#entries] = entries[#entries] .. line
      end
    end
    is_open = line ~= "" and not line:find "^#"
  end
  return entries
end

local write = {}

function write.changelog(version, maintainer, date)
  print(("taskpool (%s) unstable; urgency=medium\n"):format(version))
  for _, entry in ipairs(newest_changes()) do
    print(wrap(entry, "  *"))
  end
  print(("\n -- %s  %s"):format(maintainer, date))
end

function write.copyright()
  local file <close> = assert(io.open "LICENSE")
  local owner, terms = file:read("a"):match "\nCopyright %(c%) ([^\n]+)\n\n(.-)\n*$"
  print "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/"
  print("Upstream-Name: taskpool\n\nFiles: *\nCopyright: " .. owner .. "\nLicense: Expat")
  for line in (terms .. "\n"):gmatch "(.-)\n" do
    print(" " .. (line == "" and "." or line))
  end
end

write[arg[1]](table.unpack(arg, 2))
