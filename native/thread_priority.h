// Whether threads give way to others.

#pragma once

namespace deadlift {

enum class Priority { normal, low };

// Lets the calling thread give way to those of normal priority, for good. False where the system refuses or has no
// priority of single threads.
bool give_way();

}  // namespace deadlift
