// Caffeine and Guava on the workloads of peers.cpp, for compare.py:
//
//     java -cp caffeine.jar:guava.jar Peers.java WORKLOADS [--seconds 0.1] [--rounds 5] [--threads 1,2,4]
//
// WORKLOADS is what `peers --write` wrote. Prints the lines that `peers` prints. Keys are Strings that
// exist already and know their hash, which favours these two; values are byte arrays of 100.

import com.github.benmanes.caffeine.cache.Caffeine;
import com.google.common.cache.CacheBuilder;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;

public class Peers {
  interface Peer {
    byte[] get(String key);

    void set(String key, byte[] value);
  }

  static Peer make(String name, int room) {
    if (name.equals("caffeine")) {
      var cache = Caffeine.newBuilder().maximumSize(room).<String, byte[]>build();
      return new Peer() {
        public byte[] get(String key) {
          return cache.getIfPresent(key);
        }

        public void set(String key, byte[] value) {
          cache.put(key, value);
        }
      };
    }
    var cache = CacheBuilder.newBuilder().maximumSize(room).<String, byte[]>build();
    return new Peer() {
      public byte[] get(String key) {
        return cache.getIfPresent(key);
      }

      public void set(String key, byte[] value) {
        cache.put(key, value);
      }
    };
  }

  record Workload(String name, boolean fill, int room, int resident, int[] order) {}

  static int seen; // so that what was looked at is not optimised away

  static String text(ByteBuffer in) {
    byte[] bytes = new byte[Byte.toUnsignedInt(in.get())];
    in.get(bytes);
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  public static void main(String[] args) throws Exception {
    double seconds = 0.1;
    int rounds = 5;
    int[] threads = {1, 2, 4};
    for (int i = 1; i + 1 < args.length; i += 2) {
      switch (args[i]) {
        case "--seconds" -> seconds = Double.parseDouble(args[i + 1]);
        case "--rounds" -> rounds = Integer.parseInt(args[i + 1]);
        case "--threads" ->
            threads = Arrays.stream(args[i + 1].split(",")).mapToInt(Integer::parseInt).toArray();
        default -> throw new IllegalArgumentException(args[i]);
      }
    }
    String[] keys;
    List<Workload> loads = new ArrayList<>();
    try (var file = FileChannel.open(Path.of(args[0]))) {
      ByteBuffer in = file.map(FileChannel.MapMode.READ_ONLY, 0, file.size());
      in.order(ByteOrder.LITTLE_ENDIAN);
      keys = new String[in.getInt()];
      for (int i = 0; i < keys.length; ++i) {
        keys[i] = text(in);
        seen += keys[i].hashCode();
      }
      for (int left = in.getInt(); left > 0; --left) {
        String name = text(in);
        boolean fill = in.getInt() != 0;
        int room = in.getInt(), resident = in.getInt();
        int[] order = new int[in.getInt()];
        for (int i = 0; i < order.length; ++i) order[i] = in.getInt();
        loads.add(new Workload(name, fill, room, resident, order));
      }
    }
    for (Workload load : loads) {
      for (String name : new String[] {"caffeine", "guava"}) {
        Peer peer = make(name, load.room);
        for (int i = 0; i < load.resident; ++i) peer.set(keys[i], new byte[100]);
        int at = 0;
        for (; load.fill && at < load.order.length; ++at) {
          if (peer.get(keys[load.order[at]]) == null) peer.set(keys[load.order[at]], new byte[100]);
        }
        at = 0;
        for (int i = 0; i < 20; ++i) at = measure(peer, load, keys, 1, 0.1, at, null); // the compiler
        for (int round = 0; round < rounds; ++round) {
          for (int n : threads) {
            String head = load.name + "\t" + name + "\t" + n + "\t" + round;
            at = measure(peer, load, keys, n, seconds, at, head);
          }
        }
      }
    }
    if (seen == 42) System.err.println("what a coincidence");
  }

  static volatile boolean stop;

  static int measure(
      Peer peer, Workload load, String[] keys, int threads, double seconds, int from, String head)
      throws InterruptedException {
    AtomicLong operations = new AtomicLong(), hits = new AtomicLong(), elapsed = new AtomicLong();
    CountDownLatch start = new CountDownLatch(1);
    stop = false;
    int size = load.order.length;
    Thread[] running = new Thread[threads];
    for (int t = 0; t < threads; ++t) {
      int first = (int) ((from + (long) size / threads * t) % size);
      running[t] =
          new Thread(
              () -> {
                int at = first, sum = 0;
                long n = 0, found = 0;
                try {
                  start.await();
                } catch (InterruptedException e) {
                  return;
                }
                long begin = System.nanoTime();
                while (!stop) {
                  for (int i = 0; i < 256; ++i, ++n) {
                    String key = keys[load.order[at]];
                    if (++at == size) at = 0;
                    byte[] value = peer.get(key);
                    if (value != null) {
                      ++found;
                      sum += value[0] + value[99];
                    } else if (load.fill) {
                      peer.set(key, new byte[100]);
                    }
                  }
                }
                elapsed.addAndGet(System.nanoTime() - begin);
                operations.addAndGet(n);
                hits.addAndGet(found);
                seen += sum;
              });
      running[t].start();
    }
    start.countDown();
    Thread.sleep((long) (seconds * 1000));
    stop = true;
    for (Thread thread : running) thread.join();
    double each = (double) elapsed.get() / threads;
    double ratio = (double) hits.get() / operations.get();
    if (head != null) {
      System.out.printf(
          Locale.ROOT, "%s\t%.3f\t%.4f\t0%n", head, operations.get() / each * 1000, ratio);
    }
    return (int) ((from + operations.get() / threads) % size);
  }
}
