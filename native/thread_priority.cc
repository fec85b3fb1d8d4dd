// Lowers the priority of a thread with the system's own call.

#include "native/thread_priority.h"

#if defined(_WIN32)
#include <windows.h>
#elif defined(__APPLE__)
#include <pthread/qos.h>
#elif defined(__linux__)
#include <sys/resource.h>

#include <cerrno>
#endif

namespace deadlift {

bool give_way() {
#if defined(_WIN32)
  return SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_BELOW_NORMAL);
#elif defined(__APPLE__)
  return pthread_set_qos_class_self_np(QOS_CLASS_UTILITY, 0) == 0;
#elif defined(__linux__)
  // Here nice values are of threads, 0 is the one that calls, and values past the end become the last.
  errno = 0;
  const int nice = getpriority(PRIO_PROCESS, 0);
  return errno == 0 && setpriority(PRIO_PROCESS, 0, nice + 10) == 0;
#else
  return false;
#endif
}

}  // namespace deadlift
