#include "program.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "clone.h"
#include "pidfd.h"

namespace host {
namespace {

struct Pipe {
  Fd reader;
  Fd writer;
};

Failure makePipe(Pipe& pipe) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return failed("pipe2");
  pipe.reader.reset(ends[0]);
  pipe.writer.reset(ends[1]);
  return success;
}

// Our end alone: the program's is blocking, as programs expect.
Failure makeNonBlocking(const Fd& fd) { return ::fcntl(fd.get(), F_SETFL, O_NONBLOCK) < 0 ? failed("fcntl") : success; }

int64_t nowMs() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1'000'000;
}

std::vector<char*> pointersTo(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// What posix_spawn is told, with its failures in one place.
class SpawnPlan {
 public:
  SpawnPlan() {
    check(::posix_spawn_file_actions_init(&actions_));
    check(::posix_spawnattr_init(&attributes_));
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  void standard(int number, const Fd& fd) {
    if (fd.valid()) {
      check(::posix_spawn_file_actions_adddup2(&actions_, fd.get(), number));
    } else {
      check(::posix_spawn_file_actions_addopen(&actions_, number, "/dev/null", O_RDWR, 0));
    }
  }

  void directory(const std::string& path) {
    if (!path.empty()) check(::posix_spawn_file_actions_addchdir_np(&actions_, path.c_str()));
  }

  // Signals as a program expects them: an engine ignores SIGPIPE, and blocks some.
  void cleanSignals() {
    sigset_t all;
    sigset_t none;
    ::sigfillset(&all);
    ::sigemptyset(&none);
    check(::posix_spawnattr_setsigdefault(&attributes_, &all));
    check(::posix_spawnattr_setsigmask(&attributes_, &none));
    check(::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK));
  }

  Failure start(ProgramRequest& request, pid_t& pid) {
    if (error_ != 0) return {error_, "posix_spawn"};
    const std::vector<char*> argv = pointersTo(request.argv);
    const std::vector<char*> env = pointersTo(request.env);
    const int error = ::posix_spawnp(&pid, request.path.c_str(), &actions_, &attributes_, argv.data(), env.data());
    return error == 0 ? success : Failure{error, "posix_spawn"};
  }

 private:
  void check(int error) {
    if (error_ == 0) error_ = error;
  }

  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
  int error_ = 0;
};

// A started program: the thread's.
class Run {
 public:
  Run(ProgramRequest request, std::function<void(ProgramEnd)> done)
      : request_(std::move(request)), done_(std::move(done)), rest_(request_.input) {}

  Failure start() {
    Pipe input;
    Pipe output;
    Pipe complaint;
    if (const Failure failure = makePipe(input)) return failure;
    if (const Failure failure = makePipe(complaint)) return failure;
    if (request_.mostOutput > 0) {
      if (const Failure failure = makePipe(output)) return failure;
    }
    SpawnPlan plan;
    plan.standard(STDIN_FILENO, input.reader);
    plan.standard(STDOUT_FILENO, output.writer);
    plan.standard(STDERR_FILENO, complaint.writer);
    plan.directory(request_.cwd);
    plan.cleanSignals();
    pid_t pid = -1;
    if (const Failure failure = plan.start(request_, pid)) return failure;
    pid_ = pid;
    // Nobody else waits for our children, so the pid is still this program's.
    Outcome<Fd> process = openProcess(pid);
    if (process.failure) return process.failure;
    process_ = std::move(process.value);
    input_ = std::move(input.writer);
    output_ = std::move(output.reader);
    complaint_ = std::move(complaint.reader);
    for (const Fd* fd : {&input_, &output_, &complaint_}) {
      if (!fd->valid()) continue;
      if (const Failure failure = makeNonBlocking(*fd)) return failure;
    }
    deadlineMs_ = request_.timeoutMs < 0 ? -1 : nowMs() + request_.timeoutMs;
    return success;
  }

  // When it cannot be watched it does not run either.
  void giveUp() const {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);  // a child that nobody has reaped: the pid is its own
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
  }

  void finish() {
    end_.failure = watch();
    if (end_.failure) giveUp();
    done_(std::move(end_));
  }

 private:
  Failure watch() {
    for (;;) {
      pollfd entries[] = {{process_.get(), POLLIN, 0},
                          {input_.get(), POLLOUT, 0},
                          {output_.get(), POLLIN, 0},
                          {complaint_.get(), POLLIN, 0}};
      const int ready = ::poll(entries, std::size(entries), leftMs());
      if (ready < 0 && errno != EINTR) return failed("poll");
      // By the clock: where somebody writes without end, poll never answers that nothing has happened.
      if (entries[0].revents == 0 && !end_.timedOut && leftMs() == 0) {
        end_.timedOut = true;
        if (const Failure failure = signalProcess(process_.get(), SIGKILL)) return failure;
      }
      if (entries[1].revents != 0) feed();
      read(output_);
      read(complaint_);
      if (entries[0].revents != 0) return takeStatus();
    }
  }

  int leftMs() const {
    if (deadlineMs_ < 0 || end_.timedOut) return -1;
    return static_cast<int>(std::clamp<int64_t>(deadlineMs_ - nowMs(), 0, 1 << 30));
  }

  // A program need not read its input: EPIPE says nothing about its success.
  void feed() {
    const ssize_t taken = ::write(input_.get(), rest_.data(), rest_.size());
    if (taken < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (taken > 0) rest_.remove_prefix(static_cast<size_t>(taken));
    if (taken <= 0 || rest_.empty()) input_.reset();
  }

  // What is there now.
  void read(Fd& pipe) {
    char piece[8192];
    while (pipe.valid()) {
      const ssize_t size = ::read(pipe.get(), piece, sizeof piece);
      if (size < 0 && errno == EINTR) continue;
      if (size < 0 && errno == EAGAIN) return;
      if (size <= 0) {
        pipe.reset();
      } else if (&pipe == &output_) {
        end_.output.append(piece, std::min(static_cast<size_t>(size), request_.mostOutput - end_.output.size()));
        if (end_.output.size() == request_.mostOutput) return;
      } else {
        end_.complaint.append(piece, static_cast<size_t>(size));
        const size_t excess = end_.complaint.size() - std::min(end_.complaint.size(), request_.mostComplaint);
        end_.complaint.erase(0, excess);
        // One that writes without end must not keep us from seeing that its time is up.
        if (excess > 0) return;
      }
    }
  }

  Failure takeStatus() {
    pid_ = -1;  // reaped, and somebody else's from now on
    const Outcome<Exit> exit = reap(process_.get());
    if (exit.failure) return exit.failure;
    end_.code = exit.value.code;
    end_.signaled = exit.value.signaled;
    return success;
  }

  ProgramRequest request_;
  std::function<void(ProgramEnd)> done_;
  ProgramEnd end_;
  std::string_view rest_;
  pid_t pid_ = -1;
  Fd process_;
  Fd input_;
  Fd output_;
  Fd complaint_;
  int64_t deadlineMs_ = -1;
};

void* finishInThread(void* context) {
  const std::unique_ptr<Run> run(static_cast<Run*>(context));
  run->finish();
  return nullptr;
}

}  // namespace

Failure runProgram(ProgramRequest request, std::function<void(ProgramEnd)> done) {
  auto run = std::make_unique<Run>(std::move(request), std::move(done));
  const AllSignalsBlocked inherited;  // signals are for the engine's threads
  Failure failure = run->start();
  pthread_t thread;
  if (!failure) failure = {::pthread_create(&thread, nullptr, finishInThread, run.get()), "pthread_create"};
  if (failure) {
    run->giveUp();
    return failure;
  }
  [[maybe_unused]] const Run* threads = run.release();  // no more ours
  static_cast<void>(::pthread_detach(thread));          // cannot fail: it has just been made and nobody else knows it
  return success;
}

}  // namespace host
