// Objects of one JavaScript thread that another takes over: by a number, since handles do not pass between threads.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>

namespace deadlift {

// Tickets for objects of one type. A ticket keeps nothing alive: who gave it out does, until it has been taken.
template <class T>
class Tickets {
 public:
  uint64_t give(const std::shared_ptr<T>& object) {
    const std::lock_guard lock(mutex_);
    // Those that nobody took, as a thread that has ended: what they stood for is gone by now.
    std::erase_if(objects_, [](const auto& entry) { return entry.second.expired(); });
    objects_.emplace(++last_, object);
    return last_;
  }

  // Once for each ticket. Throws where the object is gone.
  std::shared_ptr<T> take(uint64_t ticket) {
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(ticket);
    if (found == objects_.end()) throw std::runtime_error("the ticket has been taken");
    auto object = found->second.lock();
    objects_.erase(found);
    if (!object) throw std::runtime_error("what the ticket stood for is gone");
    return object;
  }

 private:
  std::mutex mutex_;
  std::map<uint64_t, std::weak_ptr<T>> objects_;
  uint64_t last_ = 0;
};

}  // namespace deadlift
