// The program of the benchmark's container: nothing, so that only the runtime is measured.
int main(void) { return 0; }
