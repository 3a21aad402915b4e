namespace Mica.Tests.Cli.Sessions;

/// <summary>Dockerfiles that the sessions find in their directory.</summary>
internal static class SessionDockerfiles
{
    public static void Write(string directory)
    {
        File.WriteAllText(Path.Join(directory, "Good"), """
            # VERSION is written to a file
            ARG VERSION=1.2
            # files what is delivered
            FROM scratch AS files
            ARG VERSION
            COPY <<EOF /etc/version
            version $VERSION
            EOF
            FROM files AS app
            LABEL tier=front
            COPY --from=files /etc/version /version
            CMD ["/app"]

            """);
        File.WriteAllText(Path.Join(directory, "Warned"), "FROM scratch as x\nMAINTAINER me\n");
        File.WriteAllText(Path.Join(directory, "Bad"), "FROM scratch\nCOPPY a /\nRUN --mont=type=cache true\n");
    }
}
