// The smallest thing that deserves a container.
#include <stdio.h>
#include <unistd.h>

int main(void) {
  char hostname[65] = "";
  if (gethostname(hostname, sizeof hostname - 1) != 0) return 1;
  printf("Hello from %s, I am process %d.\n", hostname, (int)getpid());
  return 0;
}
