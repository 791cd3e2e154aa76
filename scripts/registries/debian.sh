# Unpacks Debian packages without root and without changing the system: with dpkg -x, and apt with separate lists and archives.

unpacked=$cache/packages # one root for everything unpacked

# Pinned, so that every machine tests the same versions. Debian has no consul after bullseye.
suites=(bookworm bullseye)

apt_options=()
prepare_apt() {
  ((${#apt_options[@]} == 0)) || return 0
  if ! type -P apt-get dpkg >/dev/null; then
    fail 'this system has no apt-get and dpkg'
    return 1
  fi
  local apt=$cache/apt mirror suite signed='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
  mkdir -p "$apt/lists/partial" "$apt/archives/partial"
  local options=(
    -q -y -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt" -o Debug::NoLocking=1 -o APT::Sandbox::User=
    -o APT::Update::Error-Mode=any -o Acquire::Languages=none -o Acquire::Retries=3
  )
  # The repository of a third party may look like a Debian archive. The update accepts only archives that Debian signed.
  for mirror in $(archives); do
    for suite in "${suites[@]}"; do
      echo "deb $signed $mirror $suite main"
      echo "deb-src $signed $mirror $suite main"
    done >"$apt/sources.list"
    log "reading the package lists of ${suites[*]}"
    if DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" update >"$cache/apt.log" 2>&1; then
      apt_options=("${options[@]}")
      return 0
    fi
    tail -n 5 "$cache/apt.log" >&2
  done
  fail "no archive in this system's apt sources gave the suites ${suites[*]}"
}

# Prints the main archives of the system's sources. The security and updates suites contain only some packages.
archives() {
  # shellcheck disable=SC2016 # placeholders of apt
  apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
    awk '$2 == "main" && $1 !~ /-/ && !seen[$3]++ { print $3 }'
}

# Unpacks the packages, and their dependencies that are not installed. If the system's packages conflict with these suites,
# unpacks only the packages: most are Go programs, which need no others.
unpack() {
  prepare_apt || return 1
  local archives=$cache/apt/archives deb
  if ! DEBIAN_FRONTEND=noninteractive apt-get "${apt_options[@]}" install --download-only \
    --no-install-recommends "$@" >>"$cache/apt.log" 2>&1 &&
    ! (cd "$archives" && apt-get "${apt_options[@]}" download "$@" >>"$cache/apt.log" 2>&1); then
    tail -n 5 "$cache/apt.log" >&2
    return 1
  fi
  mkdir -p "$unpacked"
  for deb in "$archives"/*.deb; do
    [[ -e $deb ]] || continue
    dpkg -x "$deb" "$unpacked" && rm "$deb" || return 1
  done
}

# Puts scripts into the cache's bin that run programs of the unpacked packages with the unpacked libraries.
expose() {
  local program path libraries
  libraries=$(find "$unpacked/lib" "$unpacked/usr/lib" -maxdepth 1 -name '*-linux-gnu*' 2>/dev/null | paste -sd:)
  for program in "$@"; do
    path=$(PATH=$unpacked/usr/bin:$unpacked/usr/sbin type -P "$program") || continue
    {
      echo '#!/bin/sh'
      [[ -z $libraries ]] || echo "export LD_LIBRARY_PATH='$libraries'"
      echo "exec '$path' \"\$@\""
    } >"$bin/$program.part"
    chmod +x "$bin/$program.part"
    mv "$bin/$program.part" "$bin/$program"
  done
}

# Puts `zookeeper-server CONFIGURATION` into the cache's bin. The package contains only jars.
expose_zookeeper() {
  local jar=$unpacked/usr/share/java/zookeeper.jar java path name
  [[ -e $jar ]] || jar=/usr/share/java/zookeeper.jar
  java=$(type -P java) || java=$(find "$unpacked/usr/lib/jvm" -path '*/bin/java' 2>/dev/null | head -n 1)
  [[ -e $jar && -n $java ]] || fail 'no zookeeper.jar, or no java' || return 1
  # The manifest lists the other jars by their paths in the system, where some may be missing.
  path=$jar
  for name in commons-cli commons-io findbugs-annotations jackson-annotations jackson-core jackson-databind jetty9-http \
    jetty9-io jetty9-security jetty9-server jetty9-servlet jetty9-util metrics-core netty-buffer netty-codec \
    netty-common netty-handler netty-resolver netty-transport netty-transport-native-unix-common slf4j-api \
    snappy-java zookeeper-jute; do
    [[ ! -e $unpacked/usr/share/java/$name.jar ]] || path+=:$unpacked/usr/share/java/$name.jar
  done
  # An unpacked JRE reads its configuration from /etc of its own root folder.
  repoint_links "$unpacked/usr/lib/jvm"
  {
    echo '#!/bin/sh'
    echo "exec '$java' -Xmx128m -XX:TieredStopAtLevel=1 -Dzookeeper.admin.enableServer=false" \
      "-cp '$path' org.apache.zookeeper.server.quorum.QuorumPeerMain \"\$@\""
  } >"$bin/zookeeper-server.part"
  chmod +x "$bin/zookeeper-server.part"
  mv "$bin/zookeeper-server.part" "$bin/zookeeper-server"
}

# Changes broken absolute links in a folder of the unpacked root, so that they lead into that root.
repoint_links() {
  local link target
  [[ -d $1 ]] || return 0
  find "$1" -xtype l | while read -r link; do
    target=$(readlink "$link")
    [[ $target != /* || ! -e $unpacked$target ]] || ln -sfn "$unpacked$target" "$link"
  done
}
