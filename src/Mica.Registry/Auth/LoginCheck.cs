using System.Net;
using System.Net.Http.Headers;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>Proves a credential to a host, as <c>login</c> does: <c>/v2/</c>, with a token or basic authentication where it asks for one.</summary>
internal sealed class LoginCheck(RegistryHost host, Authorizer authorizer)
{
    public async Task<Credential> RunAsync(Credential credential, RegistryRequest request, CancellationToken cancellationToken)
    {
        authorizer.Use(credential, request.Repository);
        using HttpResponseMessage first = await host.SendAsync(request, authorization: null, cancellationToken);
        if (first.StatusCode != HttpStatusCode.Unauthorized)
        {
            return await CheckAsync(first, request, cancellationToken) ?? credential;
        }

        IReadOnlyList<Challenge> challenges = Challenge.Of(first);
        Challenge? bearer = challenges.FirstOrDefault(challenge => challenge.IsBearer && challenge["realm"] is not null);
        Credential kept = credential;
        AuthenticationHeaderValue? authorization;
        if (bearer is not null && credential.RegistryToken is null)
        {
            TokenAnswer answer = await authorizer.LogInAsync(bearer, credential, request, cancellationToken);
            authorization = new AuthenticationHeaderValue("Bearer", answer.Token);
            // A refresh token can be revoked and is good for nothing else: better to keep than the password.
            kept = answer.RefreshToken is { } refresh ? credential with { Password = null, IdentityToken = refresh } : credential;
        }
        else
        {
            authorization = bearer is not null
                ? new AuthenticationHeaderValue("Bearer", credential.RegistryToken)
                : Authorizer.BasicOf(credential);
        }

        using HttpResponseMessage second = await host.SendAsync(request, authorization, cancellationToken);
        return await CheckAsync(second, request, cancellationToken) ?? kept;
    }

    private async Task<Credential?> CheckAsync(HttpResponseMessage response, RegistryRequest request, CancellationToken cancellationToken) =>
        response.IsSuccessStatusCode ? null
        : response.StatusCode == HttpStatusCode.NotFound
            ? throw new RegistryException(ErrorKind.Failed, $"{request.Subject.Object}: this is not a registry (no /v2/)") { Status = response.StatusCode }
        : throw await host.ErrorAsync(response, request, cancellationToken);
}
