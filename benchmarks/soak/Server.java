import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.concurrent.Executors;

/** A server that makes objects for each request and keeps none of them: its heap settles as the collector does. */
public class Server {
    public static void main(String[] arguments) throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress(Integer.parseInt(arguments[0])), 256);
        server.createContext("/predict", exchange -> {
            exchange.getRequestBody().readAllBytes();
            ArrayList<String> made = new ArrayList<>();
            for (int i = 0; i < 20_000; i++) made.add("object " + i);
            byte[] body = ("{\"made\": " + made.size() + "}").getBytes();
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.setExecutor(Executors.newFixedThreadPool(4));
        server.start();
    }
}
