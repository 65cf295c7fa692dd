# The specs under FROM go to TO, in the same folders: what `ternc build --weights DIR` chooses from.
file(GLOB_RECURSE specs RELATIVE ${FROM} ${FROM}/*.tern)
foreach(spec ${specs})
  configure_file(${FROM}/${spec} ${TO}/${spec} COPYONLY)
endforeach()
