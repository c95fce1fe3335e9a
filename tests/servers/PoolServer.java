import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.stream.IntStream;

/**
 * A server that computes each answer in the common pool, which a JVM sizes by the CPUs it counts: `java PoolServer PORT`.
 *
 * <p>A JVM that counts 16 CPUs, as on a large node without a limit that it can see, is had by a file of VM flags that says
 * ActiveProcessorCount=16: `java -XX:Flags=FILE …`. JAVA_TOOL_OPTIONS, read later, wins over such a file.
 */
public final class PoolServer {
    /** Parts of a request that any thread of the pool may take, and the steps of each: a few milliseconds of CPU in all. */
    private static final int PARTS = 64;
    private static final int STEPS = 100_000;

    private PoolServer() {}

    public static void main(String[] arguments) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(arguments[0])), 0);
        server.createContext("/healthz", exchange -> answer(exchange, 0));
        server.createContext("/", exchange -> answer(exchange, IntStream.range(0, PARTS).parallel().map(PoolServer::part).sum()));
        server.start();
    }

    private static void answer(HttpExchange exchange, int sum) throws IOException {
        exchange.getRequestBody().readAllBytes();
        byte[] body = ("{\"sum\": " + sum + "}").getBytes();
        exchange.sendResponseHeaders(200, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    private static int part(int seed) {
        int state = seed + 1;
        for (int step = 0; step < STEPS; step++) {
            state ^= state << 13;
            state ^= state >>> 17;
            state ^= state << 5;
        }
        return state;
    }
}
