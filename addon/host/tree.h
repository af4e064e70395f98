// What the runtime opens on the host's side for a plan: mount trees, namespaces, user namespaces for idmapped mounts.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "outcome.h"

namespace host {

struct IdMap {
  uint32_t containerId;
  uint32_t hostId;
  uint32_t size;
};

struct TreeRequest {
  std::string path;
  bool recursive;
  bool noFollow;
  // User namespace whose mapping the tree takes, owned by the caller; -1: none.
  int idmap;
  bool idmapRecursive;
};

// umount2 with MNT_DETACH; ELOOP where a symbolic link is anywhere in the path.
Failure detachMount(const std::string& path);
Outcome<Fd> openTree(const TreeRequest& request);
// Verified to be a namespace of the CLONE_NEW* type `flag`; EINVAL when it is anything else.
Outcome<Fd> openNamespace(const std::string& path, uint32_t flag);
Outcome<Fd> makeUserNamespace(std::span<const IdMap> uids, std::span<const IdMap> gids);

}  // namespace host
