// Locks files with the system's own call, by the rules of Python's filelock.

#include "native/lock.h"

#ifdef _WIN32
#define NOMINMAX
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#endif

namespace deadlift {
namespace {

#ifdef _WIN32

[[noreturn]] void fail(const std::string& path, DWORD error) {
  const bool full = error == ERROR_DISK_FULL || error == ERROR_HANDLE_DISK_FULL;
  const bool refused = error == ERROR_ACCESS_DENIED || error == ERROR_WRITE_PROTECT;
  throw LockError(full      ? "NoSpace"
                  : refused ? "ReadOnlyCache"
                            : "FileUnreadable",
                  "cannot lock " + path + ": error " + std::to_string(error));
}

std::wstring wide(const std::string& utf8) {
  const int length = MultiByteToWideChar(CP_UTF8, 0, utf8.data(), static_cast<int>(utf8.size()), nullptr, 0);
  std::wstring text(static_cast<size_t>(length), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, utf8.data(), static_cast<int>(utf8.size()), text.data(), length);
  return text;
}

// A name whose file waits for its deletion refuses every access until the last handle to it is closed.
bool is_being_deleted(const std::wstring& path) {
  if (GetFileAttributesW(path.c_str()) != INVALID_FILE_ATTRIBUTES) return false;
  const DWORD error = GetLastError();
  return error == ERROR_FILE_NOT_FOUND || error == ERROR_ACCESS_DENIED;
}

// Byte 0, as Python's filelock does.
bool lock_handle(HANDLE file) {
  OVERLAPPED at{};
  return LockFileEx(file, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at) != 0;
}

#else

[[noreturn]] void fail(const std::string& path, int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  const bool refused = error == EACCES || error == EPERM || error == EROFS;
  throw LockError(full      ? "NoSpace"
                  : refused ? "ReadOnlyCache"
                            : "FileUnreadable",
                  "cannot lock " + path + ": " + (error == ELOOP ? "it is a link, expected a file" : strerror(error)));
}

struct Descriptor {
  int value;
  bool created;
  ~Descriptor() {
    if (value >= 0) close(value);
  }
  int release() {
    const int released = value;
    value = -1;
    return released;
  }
};

int open_again(const char* path, int flags, unsigned mode) {
  int file;
  do file = open(path, flags, mode);
  while (file < 0 && errno == EINTR);
  return file;
}

// Only the one who makes the file gives it its mode. Not blocking: a pipe or a lease must not make us wait.
Descriptor open_lock(const std::string& path, unsigned mode) {
  const int flags = O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW;
  int file = open_again(path.c_str(), flags | O_CREAT | O_EXCL, mode);
  if (file >= 0) {
    (void)fchmod(file, mode);
    return {file, true};
  }
  // In a sticky folder, and on a read-only disk, creation is denied although the file is there.
  if (errno != EEXIST && errno != EACCES && errno != EPERM && errno != EROFS) return {-1, false};
  const int reason = errno;
  file = open_again(path.c_str(), flags, 0);
  // The file of another user, or a disk that is only read: flock needs no right to write.
  if (file < 0 && (errno == EACCES || errno == EROFS)) file = open_again(path.c_str(), (flags & ~O_RDWR) | O_RDONLY, 0);
  // Gone since: the next attempt makes it.
  if (file < 0 && errno == ENOENT) errno = reason == EEXIST ? EAGAIN : reason;
  return {file, false};
}

bool is_contention(int error) { return error == EWOULDBLOCK || error == EAGAIN || error == EACCES; }

bool is_unsupported(int error) {
  return error == ENOSYS || error == EOPNOTSUPP || error == ENOTSUP || error == ENOLCK || error == EINVAL;
}

// Somebody may have removed the file between our opening and locking it: then others lock another one.
bool still_there(int file, const std::string& path) {
  struct stat ours, named;
  if (fstat(file, &ours) != 0 || ours.st_nlink == 0) return false;
  return lstat(path.c_str(), &named) == 0 && ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

#endif

}  // namespace

#ifdef _WIN32

LockOutcome FileLock::attempt(const std::string& path, unsigned, std::unique_ptr<FileLock>* lock) {
  const std::wstring name = wide(path);
  HANDLE file = CreateFileW(name.c_str(), GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr,
                            OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT, nullptr);
  if (file == INVALID_HANDLE_VALUE) {
    const DWORD error = GetLastError();
    if (error == ERROR_SHARING_VIOLATION) return LockOutcome::busy;
    if (error == ERROR_ACCESS_DENIED && is_being_deleted(name)) return LockOutcome::busy;
    fail(path, error);
  }
  std::unique_ptr<FileLock> opened(new FileLock(reinterpret_cast<intptr_t>(file)));
  BY_HANDLE_FILE_INFORMATION info;
  if (!GetFileInformationByHandle(file, &info)) fail(path, GetLastError());
  if (info.dwFileAttributes & (FILE_ATTRIBUTE_REPARSE_POINT | FILE_ATTRIBUTE_DIRECTORY)) {
    throw LockError("FileUnreadable", "cannot lock " + path + ": it is a link or a folder, expected a file");
  }
  if (!lock_handle(file)) {
    const DWORD error = GetLastError();
    if (error == ERROR_LOCK_VIOLATION || error == ERROR_IO_PENDING) return LockOutcome::busy;
    if (error == ERROR_NOT_SUPPORTED || error == ERROR_INVALID_FUNCTION) return LockOutcome::unsupported;
    fail(path, error);
  }
  *lock = std::move(opened);
  return LockOutcome::held;
}

FileLock::~FileLock() {
  const HANDLE file = reinterpret_cast<HANDLE>(file_);
  OVERLAPPED at{};
  UnlockFileEx(file, 0, 1, 0, &at);
  CloseHandle(file);
}

#else

LockOutcome FileLock::attempt(const std::string& path, unsigned mode, std::unique_ptr<FileLock>* lock) {
  Descriptor file = open_lock(path, mode);
  if (file.value < 0) {
    if (errno == EAGAIN) return LockOutcome::busy;
    fail(path, errno);
  }
  struct stat info;
  if (fstat(file.value, &info) != 0) fail(path, errno);
  if (!S_ISREG(info.st_mode)) throw LockError("FileUnreadable", "cannot lock " + path + ": it is not a regular file");
  int status;
  do status = flock(file.value, LOCK_EX | LOCK_NB);
  while (status != 0 && errno == EINTR);
  if (status != 0) {
    const int error = errno;
    if (is_contention(error)) return LockOutcome::busy;
    if (!is_unsupported(error)) fail(path, error);
    // Where flock is missing, Python takes the file's being there for the lock.
    if (file.created) unlink(path.c_str());
    return LockOutcome::unsupported;
  }
  if (!still_there(file.value, path)) return LockOutcome::busy;
  lock->reset(new FileLock(file.release()));
  return LockOutcome::held;
}

FileLock::~FileLock() {
  // Not by closing alone: a child process between fork and exec would keep the lock for that moment.
  const int file = static_cast<int>(file_);
  flock(file, LOCK_UN);
  close(file);
}

#endif

}  // namespace deadlift
