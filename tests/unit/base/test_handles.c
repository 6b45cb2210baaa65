/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of live handles against a plain array of flags, without memory, and from many threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/handles.h"
#include "base/memory.h"

#define MANY 5000

/* Handles are never dereferenced: any address will do. */
static char objects[MANY * 16];

static const void *object(size_t i)
{
    return &objects[i * 16];
}

/* The set frees its table never; tests do. */
static void clear(aq_handle_set *set)
{
    aq_free(set->slots);
    *set = (aq_handle_set)AQ_HANDLE_SET_INITIALIZER;
}

static void test_empty_set(void **state)
{
    (void)state;
    aq_handle_set set = AQ_HANDLE_SET_INITIALIZER;
    assert_false(aq_handles_contain(&set, object(0)));
    assert_false(aq_handles_remove(&set, object(0)));
    assert_false(aq_handles_contain(&set, NULL));
    assert_false(aq_handles_remove(&set, NULL));
    assert_false(aq_handles_add(&set, NULL));
    assert_true(aq_handles_add(&set, object(0)));
    assert_false(aq_handles_contain(&set, NULL));
    assert_false(aq_handles_contain(&set, object(1)));
    clear(&set);
}

static void test_twice_is_once(void **state)
{
    (void)state;
    aq_handle_set set = AQ_HANDLE_SET_INITIALIZER;
    assert_true(aq_handles_add(&set, object(3)));
    assert_true(aq_handles_add(&set, object(3)));
    assert_true(aq_handles_remove(&set, object(3)));
    assert_false(aq_handles_contain(&set, object(3)));
    assert_false(aq_handles_remove(&set, object(3)));
    clear(&set);
}

/* A long random life: adding, removing, looking up; the table must not grow with the dead. */
static void test_against_flags(void **state)
{
    (void)state;
    static bool live[MANY];
    memset(live, 0, sizeof live);
    aq_handle_set set = AQ_HANDLE_SET_INITIALIZER;
    uint64_t random = 1;
    size_t count = 0;
    for (int step = 0; step < 300000; step++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        size_t i = (size_t)(random >> 33) % (step < 100000 ? MANY : 50);
        switch (random >> 62) {
        case 0:
        case 1:
            assert_true(aq_handles_add(&set, object(i)));
            count += !live[i];
            live[i] = true;
            break;
        case 2:
            assert_int_equal(aq_handles_remove(&set, object(i)), live[i]);
            count -= live[i];
            live[i] = false;
            break;
        default:
            assert_int_equal(aq_handles_contain(&set, object(i)), live[i]);
        }
        assert_int_equal(set.count, count);
    }
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(aq_handles_contain(&set, object(i)), live[i]);
    assert_true(set.capacity <= 4 * MANY);
    clear(&set);
}

static void test_create_and_destroy_forever_stays_small(void **state)
{
    (void)state;
    aq_handle_set set = AQ_HANDLE_SET_INITIALIZER;
    for (size_t i = 0; i < 100000; i++) {
        assert_true(aq_handles_add(&set, object(i % MANY)));
        assert_true(aq_handles_remove(&set, object(i % MANY)));
    }
    assert_int_equal(set.count, 0);
    assert_int_equal(set.capacity, 64);
    assert_int_equal(set.used, 0);
    clear(&set);
}

static void test_out_of_memory_changes_nothing(void **state)
{
    (void)state;
    aq_handle_set set = AQ_HANDLE_SET_INITIALIZER;
    aq_memory_fail_from(1);
    assert_false(aq_handles_add(&set, object(0)));
    assert_false(aq_handles_contain(&set, object(0)));
    aq_memory_fail_from(0);
    size_t added = 0;
    assert_true(aq_handles_add(&set, object(added++)));
    aq_memory_fail_from(1);
    while (aq_handles_add(&set, object(added)))
        added++;
    aq_memory_fail_from(0);
    assert_int_equal(set.count, added);
    for (size_t i = 0; i < added; i++)
        assert_true(aq_handles_contain(&set, object(i)));
    assert_false(aq_handles_contain(&set, object(added)));
    assert_true(aq_handles_add(&set, object(added)));
    clear(&set);
}

static void count_take(void *handle)
{
    ++*(char *)handle;
}

static void test_take(void **state)
{
    (void)state;
    aq_handle_set set = AQ_HANDLE_SET_INITIALIZER;
    objects[0] = 0;
    assert_false(aq_handles_take(&set, object(0), count_take));
    assert_int_equal(objects[0], 0);
    assert_true(aq_handles_add(&set, object(0)));
    assert_true(aq_handles_take(&set, object(0), count_take));
    assert_int_equal(objects[0], 1);
    assert_true(aq_handles_remove(&set, object(0)));
    assert_false(aq_handles_take(&set, object(0), count_take));
    assert_int_equal(objects[0], 1);
    clear(&set);
}

static aq_handle_set shared = AQ_HANDLE_SET_INITIALIZER;
static atomic_int removals;

static void *remove_all(void *argument)
{
    (void)argument;
    for (size_t i = 0; i < MANY; i++)
        if (aq_handles_remove(&shared, object(i)))
            atomic_fetch_add(&removals, 1);
    return NULL;
}

static void test_one_of_several_removes(void **state)
{
    (void)state;
    for (size_t i = 0; i < MANY; i++)
        assert_true(aq_handles_add(&shared, object(i)));
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, remove_all, NULL), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&removals), MANY);
    assert_int_equal(shared.count, 0);
    clear(&shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_set),
        cmocka_unit_test(test_twice_is_once),
        cmocka_unit_test(test_against_flags),
        cmocka_unit_test(test_create_and_destroy_forever_stays_small),
        cmocka_unit_test(test_out_of_memory_changes_nothing),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_one_of_several_removes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
