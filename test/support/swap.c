// Exchanges two names for ever, as fast as the kernel does. Says "swapping" when it begins.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) < 0) {
    perror("renameat2");
    return 1;
  }
  if (write(1, "swapping\n", 9) < 0) return 1;
  while (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) == 0) {
  }
  return 0;
}
